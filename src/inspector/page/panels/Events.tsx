/** The events around the present one, as a list that is paged by seq: no browser can hold rows for millions. */
import { OtherChoices } from '../compare/OtherChoices.tsx';
import { HeadRow } from '../HeadRow.tsx';
import { useEffect, useRef } from 'preact/hooks';
import type { EventRow } from '../../engine/requests.ts';
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { info, jump, move, place, seq } from '../store.ts';

/** Rows above and below the present event. */
const ROWS_BEFORE = 12;
const ROWS = 60;

function Row({ row, isNow }: { row: EventRow; isNow: boolean }) {
  return (
    <tr
      class={isNow ? 'now' : ''}
      aria-current={isNow ? 'true' : undefined}
      onClick={() => jump(row.seq, { actor: row.to })}
    >
      <td class="number">{row.seq}</td>
      <td class="number">{count(row.timeCycles)}</td>
      <td>{row.from}</td>
      <td>{row.to}</td>
      <td>{row.type}</td>
      <td class="payload">{row.text}</td>
      <td class="number">
        {row.cause < 0 ? (
          ''
        ) : (
          <button class="link" title="go to the cause" onClick={(click) => (click.stopPropagation(), jump(row.cause))}>
            {row.cause}
          </button>
        )}
      </td>
    </tr>
  );
}

/** Brings the present event to the middle of the list, which may be lower than the rows before it. */
function useMiddle(...when: readonly unknown[]) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { current } = list;
    const row = current?.querySelector('tr.now')?.getBoundingClientRect();
    if (current === null || row === undefined) return;
    const shown = current.getBoundingClientRect();
    current.scrollTop += row.top + row.height / 2 - (shown.top + shown.height / 2);
  }, when);
  return list;
}

/** The list, what the present event did, and a switch between all events and those of the selected actor. */
export function Events() {
  const run = info.value;
  const now = seq.value;
  const { actor } = place.value;
  const from = Math.max(run?.firstSeq ?? 0, now - ROWS_BEFORE);
  const rows = useAnswer('events', run === null ? null : { run: run.run, from, count: ROWS }) ?? [];
  const detail = useAnswer('event', run === null || run.lastSeq < run.firstSeq ? null : { run: run.run, seq: now });
  const list = useMiddle(now, rows, detail);
  return (
    <div class="events">
      <div class="scroll" ref={list}>
        <table>
          <caption class="hidden">events around seq {now}</caption>
          <HeadRow names={['seq', 'cycles', 'from', 'to', 'type', 'payload', 'cause']} />
          <tbody>
            {rows.map((row) => (
              <Row key={row.seq} row={row} isNow={row.seq === now} />
            ))}
          </tbody>
        </table>
      </div>
      {detail !== null && (
        <section class="detail" aria-label="what the event did">
          <h3>
            {detail.record.seq} {detail.record.type} → {detail.record.to}
          </h3>
          {detail.change !== null && (
            <ul class="changes">
              {detail.change.changes.map(({ path, before, after }) => (
                <li key={path}>
                  <button class="link" onClick={() => move({ actor: detail.record.to, path, right: 'state' })}>
                    {path}
                  </button>{' '}
                  <del>{before}</del> <ins>{after}</ins>
                </li>
              ))}
            </ul>
          )}
          {actor !== null && actor !== detail.record.to && <p>selected: {actor}</p>}
          <OtherChoices />
        </section>
      )}
    </div>
  );
}
