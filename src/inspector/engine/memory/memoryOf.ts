/** What there is to see of an actor's memory, by its kind. */
import { kindOf, plainContext } from '../../../../machines/index.ts';
import type { CachedFolio } from '../../../mm/pageCache.ts';
import { mapsFields, type Vma } from '../../../mm/vma.ts';
import type { OpenRun } from '../openRun.ts';
import type { Args } from '../requests.ts';
import { type MmuTables, type PageTablesView, pageTablesOf } from './pageTables.ts';
import { type PhysicalView, physicalOf } from './physical.ts';
import { type TlbsView, tlbsOf } from './tlbs.ts';

/** The page cache of a file. */
export interface CacheView {
  readonly kind: 'file';
  readonly pageBytes: number;
  readonly sizeBytes: number;
  readonly minOrderPages: number;
  readonly folios: readonly CachedFolio[];
}

/** The areas of a process. */
export interface AreasView {
  readonly kind: 'mm';
  readonly pageBytes: number;
  readonly areas: readonly {
    readonly startVa: number;
    readonly endVa: number;
    readonly permissions: string;
    readonly offsetBytes: number;
    readonly name: string;
  }[];
}

/** What the memory panel shows. */
export type MemoryView = PageTablesView | TlbsView | PhysicalView | CacheView | AreasView;

function fieldsOf(context: unknown): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  return context as Readonly<Record<string, unknown>>;
}

/** Fields of a context in plain form, or null where one is missing: a stand-in has a state of its own. */
function plainFields(context: unknown, names: readonly string[]): Readonly<Record<string, unknown>> | null {
  const fields = fieldsOf(context);
  if (!names.every((name) => Object.hasOwn(fields, name))) return null;
  return fieldsOf(plainContext(Object.fromEntries(names.map((name) => [name, fields[name]]))));
}

function areasOf({ pageBytes, vmas }: { pageBytes: number; vmas: readonly Vma[] }): AreasView {
  const areas = vmas.map((vma) => {
    const { startVa, endVa, offsetBytes } = vma;
    const { perms, path } = mapsFields(vma);
    return { startVa, endVa, permissions: perms, offsetBytes, name: path };
  });
  return { kind: 'mm', pageBytes, areas };
}

/**
 * The memory of an actor after an event; null for one that holds none, and for a stand-in that keeps it otherwise.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, ACTOR_UNKNOWN, TRACE_MISSING
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const run = new OpenRun({ run: 'A', name: 'made', reader, traces });
 * memoryOf(run, { run: 'A', actor: 'mmu:1', seq: 0, from: 0 })?.kind; // 'mmu'
 * memoryOf(run, { run: 'A', actor: 'abi', seq: 0, from: 0 }); // null
 * ```
 */
export function memoryOf(run: OpenRun, { actor, seq, from }: Args<'memory'>): MemoryView | null {
  const { context } = run.view.snapshot(actor, seq);
  /* oxlint-disable typescript/no-unsafe-type-assertion -- the kind of actor says what its context holds */
  switch (kindOf(actor)) {
    case 'mmu':
      return plainFields(context, ['fallback']) === null ? null : pageTablesOf(context as MmuTables, from);
    case 'tlb': {
      const plain = plainFields(context, ['tlb', 'installed']) as { tlb: Parameters<typeof tlbsOf>[0] } | null;
      const { installed } = fieldsOf(context) as { installed: TlbsView['installed'] };
      return plain === null ? null : tlbsOf(plain.tlb, installed);
    }
    case 'zone':
      return zoneOf(context, from);
    case 'file': {
      const plain = plainFields(context, ['cache', 'sizeBytes', 'minOrderPages']);
      if (plain === null) return null;
      const { cache, sizeBytes, minOrderPages } = plain as unknown as CacheView & { cache: CacheView };
      return { kind: 'file', pageBytes: cache.pageBytes, sizeBytes, minOrderPages, folios: cache.folios };
    }
    case 'mm': {
      const plain = plainFields(context, ['vmas']) as { vmas: { pageBytes: number; vmas: Vma[] } } | null;
      return plain === null ? null : areasOf(plain.vmas);
    }
    default:
      return null;
  }
  /* oxlint-enable typescript/no-unsafe-type-assertion */
}

function zoneOf(context: unknown, from: number): PhysicalView | null {
  const plain = plainFields(context, ['buddy', 'folios']);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields of a zone
  return plain === null ? null : physicalOf(plain as unknown as Parameters<typeof physicalOf>[0], from);
}
