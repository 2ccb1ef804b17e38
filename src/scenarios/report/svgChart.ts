/** A chart of series as SVG: lines that differ in colour and in dashes, named at their ends. */
import { formatBytes, formatCount } from '../../report/format.ts';
import type { Chart } from '../judge.ts';
import type { Series } from '../steps/step.ts';
import { escapeXml } from '../../report/graph/svg.ts';

const WIDTH = 760;
const HEIGHT = 260;
const LEFT = 76;
const RIGHT = 210;
const TOP = 26;
const BOTTOM = 34;
/** Between the names of two lines. */
const NAME_HEIGHT = 15;
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 4', '1 2', '12 4', '6 2 1 2'];
/** Rules at most, besides that of zero. */
const TICKS = 5;
const KIBI = 1024;

/** The least of 1, 2, 5, 10, ... that reaches `most` in few steps; of bytes, in the unit that they are shown in. */
function tickStep(most: number, isBytes: boolean): number {
  const unit = isBytes ? KIBI ** Math.floor(Math.log2(most) / Math.log2(KIBI)) : 1;
  const least = most / unit / TICKS;
  const tens = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((times) => times * tens).find((each) => each >= least) ?? least;
  return isBytes ? step * unit : Math.max(1, step);
}

function pathOf(line: Series, x: (cycles: number) => number, y: (value: number) => number): string {
  return line.values
    .map((value, at) => {
      const [px, py] = [x(line.timeCycles[at]).toFixed(1), y(value).toFixed(1)];
      // A count stays what it is until it changes.
      return at === 0 ? `M${px} ${py}` : `H${px}V${py}`;
    })
    .join('');
}

/** Names at the ends of lines, moved apart where lines end at one height. */
function nameHeights(ends: readonly number[]): number[] {
  const order = ends.map((end, at) => ({ end, at })).sort((a, b) => a.end - b.end);
  const heights = ends.map(() => 0);
  let free = TOP;
  for (const { end, at } of order) {
    heights[at] = Math.max(end, free);
    free = heights[at] + NAME_HEIGHT;
  }
  let below = HEIGHT - BOTTOM;
  for (const { at } of order.toReversed()) {
    heights[at] = Math.min(heights[at], below);
    below = heights[at] - NAME_HEIGHT;
  }
  return heights;
}

/**
 * The chart. Colours are those of the page, `--line-0` and so on.
 *
 * @example
 * ```ts
 * const lines = [{ name: 'naive', timeCycles: [0, 100], values: [0, 9] }];
 * svgChart({ title: 'Drops', unit: 'pages', lines }).startsWith('<svg'); // true
 * ```
 */
export function svgChart({ title, unit, lines }: Chart): string {
  const most = Math.max(1, ...lines.flatMap(({ values }) => values));
  const lastCycles = Math.max(1, ...lines.map(({ timeCycles }) => timeCycles[timeCycles.length - 1] ?? 0));
  const x = (cycles: number): number => LEFT + (cycles / lastCycles) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - (value / most) * (HEIGHT - TOP - BOTTOM);
  const isBytes = unit === 'bytes';
  const shown = isBytes ? formatBytes : formatCount;
  const step = tickStep(most, isBytes);
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
  const grid = ticks.map((tick) => {
    const at = y(tick).toFixed(1);
    const rule = `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`;
    const label = shown(Math.round(tick));
    return `${rule}<text x="${LEFT - 6}" y="${at}" dy="0.32em" text-anchor="end">${label}</text>`;
  });
  const ends = lines.map(({ values }) => y(values[values.length - 1] ?? 0));
  const heights = nameHeights(ends);
  const drawn = lines.map((line, at) => {
    const last = line.values[line.values.length - 1] ?? 0;
    const colour = `style="stroke:var(--line-${at})"`;
    const name = `${escapeXml(line.name)}: ${shown(Math.round(last))}`;
    const nameX = WIDTH - RIGHT + 12;
    return (
      `<path class="line" ${colour} stroke-dasharray="${DASHES[at % DASHES.length]}" d="${pathOf(line, x, y)}"/>` +
      `<text x="${nameX}" y="${heights[at].toFixed(1)}" dy="0.32em" style="fill:var(--line-${at})">${name}</text>`
    );
  });
  const described = `${title}: ${lines.map(({ name, values }) => `${name} ${values[values.length - 1] ?? 0}`).join(', ')}`;
  return (
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(described)}">${grid.join('')}` +
    `<text x="${LEFT}" y="${HEIGHT - 8}">0</text>` +
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 8}" text-anchor="end">${formatCount(lastCycles)} cycles</text>` +
    `<text x="4" y="${TOP - 14}">${escapeXml(unit)}</text>${drawn.join('')}</svg>`
  );
}
