/** Metrics over the run as curves; drag on one to zoom the timeline there, click to go to the moment. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { METRICS } from '../../../report/metricTable.ts';
import type { MetricSamples } from '../../engine/metrics.ts';
import type { RunInfo } from '../../engine/requests.ts';
import { count } from '../format.ts';
import { info, jump, link, seq, tell } from '../store.ts';
import { axis, extent, look } from '../timeline/view.ts';

/** Moments of a curve; they come in rounds, so that the first is there at once. */
const MOMENTS = 96;
const ROUND = 12;
const HEIGHT = 92;

/** What has come of a run's curves so far, in order of seq. */
interface Curves {
  readonly key: string;
  readonly seqs: readonly number[];
  readonly times: readonly number[];
  readonly values: readonly (readonly number[])[];
}

const NONE: Curves = { key: '', seqs: [], times: [], values: METRICS.map(() => []) };
const curves = signal<Curves>(NONE);

function withSamples(old: Curves, { seqs, timeCycles, values }: MetricSamples): Curves {
  const rows = [
    ...old.seqs.map((at, index) => ({ at, time: old.times[index] ?? 0, values: old.values.map((v) => v[index] ?? 0) })),
    ...seqs.map((at, index) => ({ at, time: timeCycles[index] ?? 0, values: values.map((v) => v[index] ?? 0) })),
  ].sort((left, right) => left.at - right.at);
  return {
    key: old.key,
    seqs: rows.map(({ at }) => at),
    times: rows.map(({ time }) => time),
    values: METRICS.map((_, metric) => rows.map((row) => row.values[metric] ?? 0)),
  };
}

/** Moments in the order in which they are asked for: spread over the run at first, then those between. */
function inRounds(seqs: readonly number[]): number[][] {
  const rounds = Math.max(1, Math.ceil(seqs.length / ROUND));
  return Array.from({ length: rounds }, (_, round) => seqs.filter((_at, index) => index % rounds === round));
}

async function measure(run: RunInfo, from: number, to: number, key: string): Promise<void> {
  const { value } = link;
  if (value === null) return;
  curves.value = { ...NONE, key };
  const seqs = await value.ask('sampleSeqs', { run: run.run, from, to, count: MOMENTS });
  for (const round of inRounds(seqs)) {
    const samples = await value.ask('metrics', { run: run.run, seqs: round });
    if (curves.value.key !== key) return;
    curves.value = withSamples(curves.value, samples);
  }
}

function Curve({ metric }: { metric: number }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const { says, unit } = METRICS[metric] ?? { says: '', unit: '' };
  const byTime = axis.value === 'time';
  useEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    const style = getComputedStyle(current);
    const ink = style.getPropertyValue('--faint');
    let isBrushed = false;
    const made = new UPlot(
      {
        width: current.clientWidth,
        height: HEIGHT,
        scales: { x: { time: false } },
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, y: false },
        axes: [
          { stroke: ink, size: 24, values: (_plot, ticks) => ticks.map((tick) => count(tick)) },
          { stroke: ink, size: 64, space: 24, values: (_plot, ticks) => ticks.map((tick) => count(tick)) },
        ],
        series: [{}, { stroke: style.getPropertyValue('--accent'), width: 1.5, points: { show: false } }],
        hooks: {
          setSelect: [
            (self) => {
              const [from, to] = [self.select.left, self.select.left + self.select.width].map((x) =>
                self.posToVal(x, 'x'),
              );
              if (self.select.width <= 2) return;
              isBrushed = true;
              look({ from, to });
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            },
          ],
          draw: [(self) => drawCursor(self, style.getPropertyValue('--accent'))],
        },
      },
      [
        [0, 1],
        [0, 0],
      ],
      current,
    );
    made.over.addEventListener('click', () => {
      const at = curves.value.seqs[made.cursor.idx ?? 0];
      // The button that ends a brush is no choice of a moment.
      if (at !== undefined && !isBrushed) jump(at);
      isBrushed = false;
    });
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: current.clientWidth, height: HEIGHT }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      made.destroy();
    };
  }, []);
  const { seqs, times, values } = curves.value;
  useEffect(() => {
    if (seqs.length > 0) plot.current?.setData([[...(byTime ? times : seqs)], [...(values[metric] ?? [])]]);
  }, [curves.value, byTime]);
  useEffect(() => plot.current?.redraw(false), [seq.value]);
  const last = values[metric]?.at(-1) ?? 0;
  return (
    <figure class="curve">
      <figcaption>
        {says}{' '}
        <span class="faint">
          ({unit}; at the end {count(last)})
        </span>
      </figcaption>
      <div ref={place} role="img" aria-label={`${says} over the run, at the end ${count(last)} ${unit}`} />
    </figure>
  );
}

/** The present moment as a line on a curve. */
function drawCursor(plot: UPlot, colour: string): void {
  const { seqs, times } = curves.value;
  const now = seq.value;
  let x = now;
  if (axis.value === 'time') {
    const after = seqs.findIndex((at) => at >= now);
    x = times[after < 0 ? times.length - 1 : after] ?? 0;
  }
  const left = plot.valToPos(x, 'x', true);
  if (left < plot.bbox.left || left > plot.bbox.left + plot.bbox.width) return;
  plot.ctx.fillStyle = colour;
  plot.ctx.fillRect(left, plot.bbox.top, 1.5 * devicePixelRatio, plot.bbox.height);
}

/** The curves of the timeline's window. */
export function Metrics() {
  const run = info.value;
  const isWhole = axis.value === 'time';
  const from = run === null || isWhole ? (run?.firstSeq ?? 0) : Math.floor(extent.value.from);
  const to = run === null || isWhole ? (run?.lastSeq ?? 0) : Math.ceil(extent.value.to);
  const key = `${run?.run} ${run?.headHash} ${from} ${to}`;
  useEffect(() => {
    if (run === null || !run.hasStates || curves.value.key === key) return undefined;
    // While the window moves nothing is asked: each answer costs a fold of the system.
    const timer = setTimeout(() => measure(run, from, to, key).catch(tell), 250);
    return () => clearTimeout(timer);
  }, [key]);
  if (run?.hasStates !== true) return <p>{run?.notes.join('; ')}</p>;
  return (
    <div class="metrics">
      {METRICS.map(({ id }, metric) => (
        <Curve key={id} metric={metric} />
      ))}
    </div>
  );
}
