/** The memory of one actor: both page tables, TLBs, physical memory, a page cache, or areas. */
import { ActorChoice } from '../ActorChoice.tsx';
import type { MemoryView } from '../../engine/memory/memoryOf.ts';
import { useAnswer } from '../asked.ts';
import { Areas, Cache, Tlbs } from '../memory/Others.tsx';
import { fromVa, PageTables } from '../memory/PageTables.tsx';
import { chosenBlock, Physical } from '../memory/Physical.tsx';
import { info, place, seq } from '../store.ts';

/** Kinds that have a memory to look at. */
const KINDS = ['mm', 'mmu', 'tlb', 'zone', 'file'];

function View({ view }: { view: MemoryView }) {
  if (view.kind === 'mmu') return <PageTables view={view} />;
  if (view.kind === 'tlb') return <Tlbs view={view} />;
  if (view.kind === 'zone') return <Physical view={view} />;
  return view.kind === 'file' ? <Cache view={view} /> : <Areas view={view} />;
}

/** The panel. */
export function Memory() {
  const run = info.value;
  const { actor } = place.value;
  const shown = run?.lanes.find(({ id, kind }) => id === actor && KINDS.includes(kind)) ?? null;
  const from = shown?.kind === 'zone' ? chosenBlock.value : shown?.kind === 'mmu' ? fromVa.value : 0;
  const asked = run === null || shown === null ? null : { run: run.run, actor: shown.id, seq: seq.value, from };
  const view = useAnswer('memory', asked);
  return (
    <div class="memory">
      <ActorChoice label="of" kinds={KINDS} />
      {shown === null && <p>Choose an actor that holds memory: mm, mmu, tlb, zone, file.</p>}
      {view === null ? shown !== null && <p>nothing to see yet</p> : <View view={view} />}
    </div>
  );
}
