/** Two runs side by side: a fork from the present event, where it parts from its parent, and what came of it. */
import { signal } from '@preact/signals';
import type { ComparisonShown, DivergenceShown } from '../../engine/views/compare.ts';
import type { EventRow } from '../../engine/requests.ts';
import { useAnswer } from '../asked.ts';
import { ForkForm } from '../compare/ForkForm.tsx';
import { count } from '../format.ts';
import { moveOther, otherHow, otherInfo, otherSeq, showBeside } from '../pair.ts';
import { info, jump, runs, seq } from '../store.ts';

/** Rows of a table before the rest is asked for. */
const ROWS = 14;
const unfolded = signal<ReadonlySet<string>>(new Set());

function Other() {
  const run = info.value;
  const others = runs.value.filter((one) => one.run !== run?.run);
  return (
    <label>
      run {run?.run} beside{' '}
      <select
        value={otherInfo.value?.run ?? ''}
        onChange={({ currentTarget }) => showBeside(currentTarget.value === '' ? null : currentTarget.value)}
      >
        <option value="">{others.length === 0 ? 'no other run is open' : 'none'}</option>
        {others.map((one) => (
          <option key={one.run} value={one.run}>
            {one.run}: {one.name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Side({ name, row }: { name: string; row: EventRow | null }) {
  return (
    <td>
      {row === null ? (
        <span class="faint">{name} has ended</span>
      ) : (
        <>
          {row.from} → {row.to} {row.type} <span class="payload">{row.text}</span>
        </>
      )}
    </td>
  );
}

function Divergence({ found, names }: { found: DivergenceShown; names: readonly [string, string] }) {
  return (
    <section aria-label="first difference">
      <h3>
        They part at{' '}
        <button class="link" onClick={() => jump(found.seq, { actor: found.actor })}>
          seq {count(found.seq)}
        </button>{' '}
        in <code>{found.field}</code> of {found.actor}
      </h3>
      <table class="two">
        <thead>
          <tr>
            <th scope="col" />
            <th scope="col">{names[0]}</th>
            <th scope="col">{names[1]}</th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">{found.field}</th>
            <td class="value-a">{found.a}</td>
            <td class="value-b">{found.b}</td>
          </tr>
          <tr>
            <th scope="row">event</th>
            <Side name={names[0]} row={found.eventA} />
            <Side name={names[1]} row={found.eventB} />
          </tr>
        </tbody>
      </table>
    </section>
  );
}

/** A table that shows its first rows until all are asked for. */
function Rows({
  id,
  title,
  head,
  rows,
}: {
  id: string;
  title: string;
  head: readonly string[];
  rows: readonly (readonly (string | number)[])[];
}) {
  if (rows.length === 0) return null;
  const isWhole = unfolded.value.has(id);
  const shown = isWhole ? rows : rows.slice(0, ROWS);
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <table>
        <thead>
          <tr>
            {head.map((name, at) => (
              <th key={name} scope="col" class={at === 0 ? '' : 'number'}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row[0]}>
              {row.map((cell, at) =>
                at === 0 ? (
                  <th key={at} scope="row">
                    {cell}
                  </th>
                ) : (
                  <td key={at} class="number">
                    {typeof cell === 'number' ? count(cell) : cell}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > ROWS && !isWhole && (
        <button class="link" onClick={() => (unfolded.value = new Set([...unfolded.value, id]))}>
          all {count(rows.length)}
        </button>
      )}
    </section>
  );
}

function signed(value: number | null): string {
  if (value === null) return '';
  return value > 0 ? `+${count(value)}` : value === 0 ? '0' : `−${count(-value)}`;
}

function figure(value: number | string | null): string | number {
  return value ?? '–';
}

function percent(a: number | string | null, difference: number | null): string {
  if (difference === null || typeof a !== 'number' || a === 0) return '';
  const share = (100 * difference) / a;
  return `${share > 0 ? '+' : '−'}${Math.abs(share).toFixed(Math.abs(share) < 10 ? 1 : 0)}%`;
}

function Found({ found, names }: { found: ComparisonShown; names: readonly [string, string] }) {
  const [a, b] = names;
  const apart = found.timelines.filter(({ altered, onlyA, onlyB }) => altered + onlyA + onlyB > 0);
  return (
    <>
      {[
        { name: a, changed: found.changedA },
        { name: b, changed: found.changedB },
      ].map(
        ({ name, changed }) =>
          changed.length > 0 && (
            <p key={name} class="faint">
              {name}: {changed.join('; ')}
            </p>
          ),
      )}
      {found.divergence === null ? (
        <p>Both runs are the same, event by event.</p>
      ) : (
        <Divergence found={found.divergence} names={names} />
      )}
      <Rows
        id="settings"
        title="Settings"
        head={['setting', a, b]}
        rows={found.settings.map((setting) => [setting.path, setting.a, setting.b])}
      />
      {found.metrics.length === 0 && found.alike === 0 && <p class="faint">reckoning the figures…</p>}
      <Rows
        id="metrics"
        title={`Figures that differ (${count(found.alike)} are alike)`}
        head={['figure', a, b, 'difference', '']}
        rows={found.metrics.map((metric) => [
          `${metric.of}: ${metric.name}`,
          figure(metric.a),
          figure(metric.b),
          signed(metric.difference),
          percent(metric.a, metric.difference),
        ])}
      />
      <Rows
        id="timelines"
        title="Actors that have other events behind it"
        head={['actor', 'both', 'of these altered', `only ${a}`, `only ${b}`]}
        rows={apart.map((one) => [one.actor, one.both, one.altered, one.onlyA, one.onlyB])}
      />
      {found.divergence !== null && apart.length === 0 && (
        <p>Every actor has the same events behind it, at other times.</p>
      )}
      <Rows
        id="types"
        title="Messages of each type"
        head={['type', a, b, 'difference']}
        rows={found.types.map((one) => [one.type, one.a, one.b, signed(one.b - one.a)])}
      />
    </>
  );
}

const HOW = {
  same: 'its counterpart',
  near: 'the last event before that both have',
  time: 'the same virtual time',
} as const;

/** The panel. */
export function Compare() {
  const [run, other] = [info.value, otherInfo.value];
  const asked = run === null || other === null ? null : { a: run.run, b: other.run };
  const first = useAnswer('compare', asked === null ? null : { ...asked, figures: false });
  // Figures take longest, so that all else does not wait for them.
  const whole = useAnswer('compare', asked === null || first === null ? null : { ...asked, figures: true });
  const found = whole ?? first;
  if (run === null) return null;
  return (
    <div class="compare">
      <details open={other === null}>
        <summary>Fork from here</summary>
        <ForkForm />
      </details>
      <div class="controls">
        <Other />
        {other !== null && (
          <span>
            {run.run} at seq {count(seq.value)}, {other.run} at{' '}
            <input
              type="number"
              aria-label={`seq of run ${other.run}`}
              min={other.firstSeq}
              max={other.lastSeq}
              value={otherSeq.value}
              onChange={({ currentTarget }) => void moveOther(Number(currentTarget.value))}
            />{' '}
            <span class="faint">({HOW[otherHow.value]})</span>
          </span>
        )}
      </div>
      {other !== null && found === null && <p>comparing…</p>}
      {other !== null && found !== null && <Found found={found} names={[run.run, other.run]} />}
    </div>
  );
}
