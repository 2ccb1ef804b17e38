/** The state of the selected actor as a tree: what changed is marked, and a click on a value finds its last change. */
import { signal } from '@preact/signals';
import type { ChangeFound, TreeNode } from '../../engine/requests.ts';
import { useAnswer } from '../asked.ts';
import { info, jump, link, move, place, seq, tell } from '../store.ts';

/** Paths that are open, by actor. */
const open = signal<ReadonlySet<string>>(new Set(['', 'context']));
const found = signal<{ readonly path: string; readonly change: ChangeFound | null } | null>(null);

async function findChange(actor: string, path: string): Promise<void> {
  const run = info.value;
  if (run === null || link.value === null) return;
  move({ path });
  try {
    const change = await link.value.ask('lastChange', { run: run.run, actor, path, seq: seq.value });
    found.value = { path, change };
  } catch (error) {
    tell(error);
  }
}

function toggle(path: string): void {
  const paths = new Set(open.value);
  if (!paths.delete(path)) paths.add(path);
  open.value = paths;
}

function Found({ actor }: { actor: string }) {
  const { value } = found;
  if (value === null) return null;
  if (value.change === null) return <p class="found">{value.path} is as it was at the beginning</p>;
  const { event, before, after } = value.change;
  return (
    <p class="found">
      {value.path} was last changed at{' '}
      <button class="link" onClick={() => jump(event.seq, { actor, path: value.path })}>
        seq {event.seq}
      </button>{' '}
      by {event.type}: <del>{before}</del> <ins>{after}</ins>{' '}
      <button class="link" onClick={() => jump(event.seq, { actor, left: 'causes' })}>
        why?
      </button>
    </p>
  );
}

function Node({ node, actor }: { node: TreeNode; actor: string }) {
  const isOpen = open.value.has(node.path);
  return (
    <li class={`mark-${node.mark}`} role="treeitem" aria-expanded={node.children > 0 ? isOpen : undefined}>
      {node.children > 0 ? (
        <button
          class="twist"
          aria-label={`${isOpen ? 'close' : 'open'} ${node.label}`}
          onClick={() => toggle(node.path)}
        >
          {isOpen ? '▾' : '▸'}
        </button>
      ) : (
        <span class="twist" />
      )}
      <span class="label">{node.label}</span>{' '}
      <button
        class={`value${place.value.path === node.path ? ' chosen' : ''}`}
        title="when did this last change?"
        onClick={() => void findChange(actor, node.path)}
      >
        {node.text}
      </button>
      {node.mark === 'changed' && <del title="before the event">{node.before}</del>}
      {node.children > 0 && isOpen && <Level actor={actor} path={node.path} />}
    </li>
  );
}

function Level({ actor, path }: { actor: string; path: string }) {
  const run = info.value;
  const level = useAnswer('tree', run === null ? null : { run: run.run, actor, seq: seq.value, path });
  if (level === null) return null;
  return (
    <ul role="group" data-seq={level.seq}>
      {level.nodes.map((node) => (
        <Node key={node.path} node={node} actor={actor} />
      ))}
      {level.more > 0 && <li class="more">and {level.more} more</li>}
    </ul>
  );
}

/** The tree of the selected actor. */
export function State() {
  const run = info.value;
  const { actor } = place.value;
  if (run === null) return null;
  if (!run.hasStates) return <p>{run.notes.join('; ')}</p>;
  return (
    <div class="state">
      <label>
        actor{' '}
        <select value={actor ?? ''} onChange={({ currentTarget }) => move({ actor: currentTarget.value, path: '' })}>
          <option value="">choose</option>
          {run.lanes.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
      </label>
      {actor !== null && <Found actor={actor} />}
      {actor !== null && (
        <div role="tree" aria-label={`state of ${actor}`}>
          <Level actor={actor} path="" />
        </div>
      )}
    </div>
  );
}
