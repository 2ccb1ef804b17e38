/** The messages that could have come next behind the present event; each other one is a fork away. */
import { signal } from '@preact/signals';
import type { ChoiceHere } from '../../engine/views/choices.ts';
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { HeadRow } from '../HeadRow.tsx';
import { info, jump, seq } from '../store.ts';
import { forkHere, isForking } from './forking.ts';

/** Whether the list is unfolded: to know what waits, the run is played from the checkpoint before, so nothing is asked until then. */
const isOpen = signal(false);

function Comes({ choice }: { choice: ChoiceHere }) {
  const { seq: at, isTaken } = choice;
  if (at === null) return <span class="faint">not soon</span>;
  return (
    <button class="link" onClick={() => jump(at)}>
      {isTaken ? `next, ${count(at)}` : count(at)}
    </button>
  );
}

function Row({ choice }: { choice: ChoiceHere }) {
  const { index, from, to, type, text, isTaken } = choice;
  return (
    <tr class={isTaken ? 'now' : ''} aria-current={isTaken ? 'true' : undefined}>
      <td class="number">
        <Comes choice={choice} />
      </td>
      <td>
        {from} → {to}
      </td>
      <td>{type}</td>
      <td>
        {isTaken ? (
          <span class="faint">the run takes it</span>
        ) : (
          <button
            disabled={isForking.value}
            title={`fork after seq ${seq.value}, with this one next`}
            onClick={() => void forkHere([{ op: 'choose', index }])}
          >
            {isForking.value ? 'running…' : 'take it'}
          </button>
        )}
      </td>
      <td class="payload">{text}</td>
    </tr>
  );
}

function List({ choices }: { choices: readonly ChoiceHere[] }) {
  if (choices.length === 0) return <p class="faint">nothing waits here</p>;
  return (
    <table>
      <caption class="hidden">what may come next after seq {seq.value}</caption>
      <HeadRow names={['comes as', 'from → to', 'message', '', 'payload']} />
      <tbody>
        {choices.map((choice) => (
          <Row key={choice.index} choice={choice} />
        ))}
      </tbody>
    </table>
  );
}

/** The list, folded until it is asked for. */
export function OtherChoices() {
  const run = info.value;
  const isAsked = isOpen.value && run?.hasStates === true;
  const choices = useAnswer('choices', isAsked ? { run: run.run, seq: seq.value } : null);
  if (run?.hasStates !== true) return null;
  return (
    <details class="choices" open={isOpen.value} onToggle={({ currentTarget }) => (isOpen.value = currentTarget.open)}>
      <summary>Other choices here</summary>
      {isOpen.value && (choices === null ? <p class="faint">playing up to here…</p> : <List choices={choices} />)}
    </details>
  );
}
