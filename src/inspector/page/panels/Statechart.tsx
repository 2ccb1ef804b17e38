/** The selected actor's statechart: what is active, and which transition its last event took. */
import { ArrowHeads } from '../ArrowHeads.tsx';
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { LINE_HEIGHT, NAME_SIZE, NOTE_SIZE, roundPath } from '../../../report/graph/svg.ts';
import type { Chart, ChartBox, ChartLine, ChartNow } from '../../engine/views/chart.ts';
import { useAnswer } from '../asked.ts';
import { ActorChoice } from '../ActorChoice.tsx';
import { info, jump, place, seq } from '../store.ts';
import { wide } from '../topology/wide.ts';
import { isActive, isFactTaken, isLineTaken } from '../topology/taken.ts';

const MARGIN = 10;
const PADDING = 10;

function Box({ box, now, isOuter }: { box: ChartBox; now: ChartNow | null; isOuter: boolean }) {
  const { id, name, facts, x, y, width, height, type } = box;
  const active = isActive(box.id, now);
  return (
    <g class={`state ${type}${active ? ' active' : ''}${isOuter ? ' outer' : ''}`} data-state={id}>
      <rect x={x} y={y} width={width} height={height} rx={8} />
      {type === 'final' && <rect class="inner" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={6} />}
      <text class="name" x={x + PADDING} y={y + PADDING + 11} {...wide(name, NAME_SIZE, true)}>
        {name}
      </text>
      {facts.map((fact, at) => (
        <text
          key={at}
          class={isFactTaken(id, fact, now) ? 'fact taken' : 'fact'}
          x={x + PADDING + (fact.startsWith(' ') ? 10 : 0)}
          y={y + PADDING + 11 + (at + 1) * LINE_HEIGHT}
          {...wide(fact.trimStart(), NOTE_SIZE)}
        >
          {fact.trimStart()}
        </text>
      ))}
    </g>
  );
}

function Line({ line, now }: { line: ChartLine; now: ChartNow | null }) {
  const taken = isLineTaken(line, now);
  const [first] = line.points;
  return (
    <g class={taken ? 'transition taken' : 'transition'}>
      {line.from === null && first !== undefined && <circle class="start" cx={first.x} cy={first.y} r={5} />}
      <path d={roundPath(line.points)} marker-end={taken ? 'url(#head-taken)' : 'url(#head)'} />
    </g>
  );
}

function Label({ line, now }: { line: ChartLine; now: ChartNow | null }) {
  const { label, labelAt } = line;
  const top = labelAt.y - (label.length * LINE_HEIGHT) / 2;
  return (
    <g class={isLineTaken(line, now) ? 'transition-label taken' : 'transition-label'}>
      {label.map((text, at) => (
        <text key={at} x={labelAt.x} y={top + (at + 1) * LINE_HEIGHT - 3} {...wide(text, NOTE_SIZE)}>
          {text}
        </text>
      ))}
    </g>
  );
}

/** How large it is drawn; null: as large as fits, within what can be read. */
const scale = signal<number | null>(null);
const FIT = { least: 0.62, most: 1.5 };
const STEP = 1.25;

/** The size at which a drawing fits into its panel, kept as the panel changes. */
function useFitting(width: number, height: number) {
  const frame = useRef<HTMLDivElement>(null);
  const [fitting, setFitting] = useState(1);
  useEffect(() => {
    const { current } = frame;
    if (current === null) return undefined;
    const resized = new ResizeObserver(() => {
      const share = Math.min((current.clientWidth - 4) / width, (current.clientHeight - 4) / height);
      setFitting(Math.min(FIT.most, Math.max(FIT.least, share)));
    });
    resized.observe(current);
    return () => resized.disconnect();
  }, [width, height]);
  return { frame, fitting };
}

function Sizes({ now }: { now: number }) {
  return (
    <span class="sizes" role="group" aria-label="size of the drawing">
      <button aria-label="smaller" onClick={() => (scale.value = now / STEP)}>
        −
      </button>
      <button onClick={() => (scale.value = null)}>fit</button>
      <button aria-label="larger" onClick={() => (scale.value = now * STEP)}>
        +
      </button>
    </span>
  );
}

/** Brings the innermost active state into view when it changes. */
function useActiveInView(now: ChartNow | null, chart: Chart, size: number) {
  const drawing = useRef<SVGSVGElement>(null);
  const last = now?.active.at(-1) ?? '';
  useEffect(() => {
    const element = drawing.current?.querySelector(`[data-state="${CSS.escape(last)}"]`);
    if (last !== '') element?.scrollIntoView({ block: 'center', inline: 'center' });
  }, [last, chart.actor, size]);
  return drawing;
}

/** Those states that have others inside. */
function outerOf({ boxes }: Chart): ReadonlySet<string> {
  const isOuter = (id: string): boolean =>
    boxes.some((inner) => inner.id !== id && (id === '' || inner.id.startsWith(`${id}.`)));
  return new Set(boxes.flatMap(({ id }) => (isOuter(id) ? [id] : [])));
}

function Drawing({ chart, now }: { chart: Chart; now: ChartNow | null }) {
  const [width, height] = [chart.width + 2 * MARGIN, chart.height + 2 * MARGIN];
  const { frame, fitting } = useFitting(width, height);
  const size = scale.value ?? fitting;
  const drawing = useActiveInView(now, chart, size);
  const outer = outerOf(chart);
  const active = chart.boxes.filter(({ id }) => id !== '' && isActive(id, now)).map(({ id }) => id);
  return (
    <>
      <Sizes now={size} />
      <div class="scroll" ref={frame}>
        <svg
          ref={drawing}
          class="chart"
          width={Math.floor(width * size)}
          height={Math.floor(height * size)}
          viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
          role="img"
          aria-label={`statechart of ${chart.actor}: in ${active.join(', ') || 'its one state'}`}
        >
          <ArrowHeads ids={['head', 'head-taken']} />
          {chart.boxes.map((box) => (
            <Box key={box.id} box={box} now={now} isOuter={outer.has(box.id)} />
          ))}
          {chart.lines.map((line) => (
            <Line key={`${line.from} ${line.to}`} line={line} now={now} />
          ))}
          {chart.lines.map((line) => (
            <Label key={`${line.from} ${line.to}`} line={line} now={now} />
          ))}
        </svg>
      </div>
    </>
  );
}

/** A definition in the form of transitions has no states to draw: its messages are listed, and which came last. */
function InTransitions({ chart, now }: { chart: Chart; now: ChartNow | null }) {
  return (
    <div class="in-transitions">
      <p>
        <strong>{chart.title}</strong> is defined by a function for each message, not by a machine with states: there is
        no statechart to draw. {chart.says}
      </p>
      <p>It takes:</p>
      <ul>
        {chart.accepts.map((type) => (
          <li key={type} class={now?.event?.type === type ? 'taken' : ''}>
            {type}
            {now?.event?.type === type && ` (its last, at seq ${now.event.seq})`}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What its last event did, in words: the first way is that of the message, others follow from it. */
function waysOf({ event, taken }: ChartNow, form: Chart['form']): string {
  if (event === null) return '';
  if (form === 'transition') return event.type;
  if (taken.length === 0) return `${event.type} was ignored`;
  const name = (id: string): string => (id === '' ? 'any state' : id);
  const ways = taken.map(({ from, to }) => (to.length === 0 ? `in ${name(from)}` : `${name(from)} → ${to.join(', ')}`));
  return `${event.type} ${ways.join(', then ')}`;
}

function LastEvent({ now, form }: { now: ChartNow; form: Chart['form'] }) {
  if (now.event === null) return <span class="faint">it has received nothing yet</span>;
  const isHere = now.event.seq === seq.value;
  return (
    <span>
      {isHere ? 'this event' : 'its last event'}, seq{' '}
      {isHere ? (
        now.event.seq
      ) : (
        <button class="link" onClick={() => jump(now.event?.seq ?? 0)}>
          {now.event.seq}
        </button>
      )}
      : {waysOf(now, form)}
    </span>
  );
}

/** The panel. */
export function Statechart() {
  const run = info.value;
  const { actor } = place.value;
  const known = run !== null && actor !== null && run.lanes.some(({ id }) => id === actor) ? actor : null;
  const chart = useAnswer('chart', run === null || known === null ? null : { run: run.run, actor: known });
  const asked = run?.hasStates === true && known !== null ? { run: run.run, actor: known, seq: seq.value } : null;
  const now = useAnswer('chartNow', asked);
  return (
    <div class="statechart">
      <div class="controls">
        <ActorChoice label="of" />
        {chart !== null && now !== null && <LastEvent now={now} form={chart.form} />}
      </div>
      {known === null && <p>Choose an actor to see its statechart.</p>}
      {run?.hasStates === false && <p>{run.notes.join('; ')}</p>}
      {chart?.actor === known &&
        chart !== null &&
        (chart.form === 'machine' ? <Drawing chart={chart} now={now} /> : <InTransitions chart={chart} now={now} />)}
    </div>
  );
}
