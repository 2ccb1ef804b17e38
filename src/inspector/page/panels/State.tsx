/** The state of the selected actor as a tree: what changed is marked, and a click on a value finds its last change. */
import { signal } from '@preact/signals';
import type { ChangeFound, RunInfo, TreeNode } from '../../engine/requests.ts';
import { ActorChoice } from '../ActorChoice.tsx';
import { useAnswer } from '../asked.ts';
import { otherInfo, otherSeq } from '../pair.ts';
import { info, jump, link, move, place, seq, tell } from '../store.ts';
import { treeStep } from '../tabs.ts';

/** Paths that are open; the same in both trees where two runs are side by side. */
const open = signal<ReadonlySet<string>>(new Set(['', 'context']));
const found = signal<{ readonly path: string; readonly change: ChangeFound | null } | null>(null);

/** One tree: of a run at a moment, held against another moment or run. */
interface Shown {
  readonly run: RunInfo;
  readonly actor: string;
  readonly seq: number;
  readonly against?: number;
  readonly againstRun?: string;
}

async function findChange({ run, actor, seq: at }: Shown, path: string): Promise<void> {
  if (link.value === null) return;
  move({ path });
  if (run.run !== info.value?.run) return;
  try {
    const change = await link.value.ask('lastChange', { run: run.run, actor, path, seq: at });
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
    <p class="found" aria-live="polite">
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

/** Moves the focus among the rows that are drawn, and opens and closes them. */
function onTreeKey(press: KeyboardEvent, shown: Shown): void {
  const tree = press.currentTarget as HTMLElement;
  const rows = [...tree.querySelectorAll<HTMLElement>('[role="treeitem"]')];
  const at = rows.indexOf((press.target as HTMLElement).closest<HTMLElement>('[role="treeitem"]') ?? tree);
  const facts = rows.map((row) => ({
    depth: Number(row.getAttribute('aria-level')),
    isOpen: row.ariaExpanded === null ? null : row.ariaExpanded === 'true',
  }));
  const path = rows[at]?.dataset['path'] ?? '';
  const step = treeStep(press.key, at, facts);
  const isEnter = press.key === 'Enter' && press.target === rows[at];
  // Arrow keys step through the run elsewhere: within the tree not even one that leads nowhere does.
  if (step === null && !isEnter && !press.key.startsWith('Arrow')) return;
  press.preventDefault();
  press.stopPropagation();
  if (isEnter) void findChange(shown, path);
  else if (step !== null && 'goTo' in step) rows[step.goTo]?.focus();
  else if (step !== null) toggle(path);
}

function Node({ node, shown, level }: { node: TreeNode; shown: Shown; level: number }) {
  const isOpen = open.value.has(node.path);
  const isChosen = place.value.path === node.path;
  return (
    <li
      class={`mark-${node.mark}`}
      role="treeitem"
      tabIndex={isChosen || (level === 1 && node.path === 'value') ? 0 : -1}
      data-path={node.path}
      aria-level={level}
      aria-selected={isChosen}
      aria-label={`${node.label} ${node.text}${node.mark === 'same' ? '' : `, ${node.mark}`}`}
      aria-expanded={node.children > 0 ? isOpen : undefined}
    >
      {node.children > 0 ? (
        <button
          class="twist"
          tabIndex={-1}
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
        class={`value${isChosen ? ' chosen' : ''}`}
        tabIndex={-1}
        title="when did this last change?"
        onClick={() => void findChange(shown, node.path)}
      >
        {node.text}
      </button>
      {node.mark === 'changed' && <del title="before">{node.before}</del>}
      {node.children > 0 && isOpen && <Level shown={shown} path={node.path} level={level + 1} />}
    </li>
  );
}

function Level({ shown, path, level }: { shown: Shown; path: string; level: number }) {
  const { run, ...moment } = shown;
  const answer = useAnswer('tree', { run: run.run, ...moment, path });
  if (answer === null || answer.actor !== shown.actor) return null;
  return (
    <ul role="group" data-seq={answer.seq}>
      {answer.nodes.map((node) => (
        <Node key={node.path} node={node} shown={shown} level={level} />
      ))}
      {answer.more > 0 && <li class="more">and {answer.more} more</li>}
    </ul>
  );
}

function Tree({ shown }: { shown: Shown }) {
  return (
    <div
      role="tree"
      aria-label={`state of ${shown.actor} in run ${shown.run.run}`}
      onKeyDown={(press) => onTreeKey(press, shown)}
    >
      <Level shown={shown} path="" level={1} />
    </div>
  );
}

/** Both runs: the first against its event before, the other against the first. */
function Beside({ run, other, actor }: { run: RunInfo; other: RunInfo; actor: string }) {
  const isThere = other.lanes.some(({ id }) => id === actor);
  return (
    <div class="state-columns">
      <div>
        <h3>
          {run.run} at seq {seq.value}
        </h3>
        <Tree shown={{ run, actor, seq: seq.value }} />
      </div>
      <div>
        <h3>
          {other.run} at seq {otherSeq.value} <span class="faint">marked where it differs from {run.run}</span>
        </h3>
        {isThere ? (
          <Tree shown={{ run: other, actor, seq: otherSeq.value, against: seq.value, againstRun: run.run }} />
        ) : (
          <p>it has no {actor}</p>
        )}
      </div>
    </div>
  );
}

/** The tree of the selected actor, or two of them. */
export function State() {
  const [run, other] = [info.value, otherInfo.value];
  const { actor } = place.value;
  if (run === null) return null;
  if (!run.hasStates) return <p>{run.notes.join('; ')}</p>;
  return (
    <div class="state">
      <ActorChoice label="actor" />
      {actor !== null && <Found actor={actor} />}
      {actor !== null && other === null && <Tree shown={{ run, actor, seq: seq.value }} />}
      {actor !== null && other !== null && <Beside run={run} other={other} actor={actor} />}
    </div>
  );
}
