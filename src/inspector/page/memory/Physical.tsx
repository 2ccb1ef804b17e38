/** Physical memory: a cell for each page block, and the frames of the one that is chosen. */
import { signal } from '@preact/signals';
import type { PhysicalView } from '../../engine/memory/physical.ts';
import { count } from '../format.ts';
import { hexText } from './flags.ts';

/** The page block whose frames are shown; -1 for none. */
export const chosenBlock = signal(-1);

/** Places of a palette that the style has colours for. */
const COLOURS = 8;

function Orders({ view }: { view: PhysicalView }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">order</th>
          {view.freeByOrder.map((_, order) => (
            <th key={order} scope="col" class="number">
              {order}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">free blocks</th>
          {view.freeByOrder.map((blocks, order) => (
            <td key={order} class="number">
              {count(blocks)}
            </td>
          ))}
        </tr>
        <tr>
          <th scope="row">folios in use</th>
          {view.usedByOrder.map((folios, order) => (
            <td key={order} class="number">
              {count(folios)}
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
}

function Block({ view }: { view: PhysicalView }) {
  const { block } = view;
  if (block === null) return null;
  const pfn = view.basePfn + block.number * view.pageblockPages;
  return (
    <section aria-label={`page block ${block.number}`}>
      <h3>
        page block {block.number}, from frame {hexText(pfn)}, {view.types[view.blockTypes[block.number] ?? 0]}
      </h3>
      <div class="frames">
        {block.stretches.map(({ pfn: first, order, kind, owner, pins }) => (
          <span
            key={first}
            class={kind === '' ? 'stretch free' : `stretch kind-${(view.kinds.indexOf(kind) % COLOURS) + 1}`}
            style={{ flexGrow: Math.min(2 ** order, view.pageblockPages) }}
            title={`${hexText(first)}, order ${order}: ${kind === '' ? 'free' : `${kind} of ${owner}`}${pins > 0 ? `, ${pins} pins` : ''}`}
          >
            {order >= 3 ? order : ''}
          </span>
        ))}
      </div>
    </section>
  );
}

/** The whole zone. */
export function Physical({ view }: { view: PhysicalView }) {
  const free = view.blockFree.reduce((sum, frames) => sum + frames, 0);
  return (
    <div class="physical">
      <p>
        {count(free)} of {count(view.frames)} frames free, page blocks of {view.pageblockPages}
      </p>
      <Orders view={view} />
      <p class="legend">
        <span>
          <span class="cell free" /> free
        </span>
        {view.kinds.map((kind, at) => (
          <span key={kind}>
            <span class={`cell kind-${(at % COLOURS) + 1}`} /> {kind}
          </span>
        ))}
      </p>
      <Block view={view} />
      <div class="blocks" role="group" aria-label="page blocks">
        {Array.from(view.blockFree, (frames, block) => {
          const kind = view.blockKind[block] ?? 0;
          const used = 1 - frames / view.pageblockPages;
          const type = view.types[view.blockTypes[block] ?? 0] ?? '';
          return (
            <button
              key={block}
              class={`block ${kind === 0 ? 'free' : `kind-${((kind - 1) % COLOURS) + 1}`} type-${type}`}
              style={{ '--used': String(Math.max(0.15, used)) }}
              aria-label={`page block ${block}, ${type}, ${count(frames)} frames free`}
              title={`page block ${block}, ${type}: ${count(frames)} of ${view.pageblockPages} frames free`}
              onClick={() => (chosenBlock.value = block)}
            />
          );
        })}
      </div>
    </div>
  );
}
