import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chartsOf } from '../../src/report/graph/kindCharts.ts';
import { actorGraph, type ActorGraph } from '../../src/report/graph/actorGraph.ts';
import { logGraph } from '../../src/report/graph/logGraph.ts';
import { svgOfCharts } from '../../src/report/graph/svgChart.ts';
import { svgOfGraph } from '../../src/report/graph/svgGraph.ts';
import { builtIns } from '../../src/topology/definitions/catalogue.ts';
import { chromiumPath, HOW_TO_INSTALL, startChromium } from '../library/chromium.ts';
import { drawableNamed, graphNamed, pair, sentBy, threeAlarms, withRamDisk } from './support.ts';

/** Where there is no Chromium, only the project's own runs insist on it. */
const skipped = chromiumPath() === null && process.env['CI'] !== 'true';
if (skipped) console.warn(`drawings are not looked at: ${HOW_TO_INSTALL}`);

const boxSchema = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() });
type Box = z.infer<typeof boxSchema>;

const pointSchema = z.object({ x: z.number(), y: z.number() });
const measuredSchema = z.object({
  /** What the parser of XML says of it. */
  fault: z.string().nullable(),
  root: z.string(),
  /** Whatever it would fetch from elsewhere, or run. */
  foreign: z.array(z.string()),
  size: boxSchema,
  boxes: z.array(boxSchema.extend({ is: z.string(), node: z.string().nullable() })),
  texts: z.array(boxSchema.extend({ text: z.string() })),
  lines: z.array(z.object({ start: pointSchema, end: pointSchema })),
});
type Measured = z.infer<typeof measuredSchema>;

/** Runs in the page: reads a drawing as XML, shows it, and asks where everything came to be. */
const MEASURE = `(source) => {
  const parsed = new DOMParser().parseFromString(source, 'image/svg+xml');
  const fault = parsed.querySelector('parsererror')?.textContent ?? null;
  const root = parsed.documentElement.namespaceURI + ' ' + parsed.documentElement.localName;
  const svg = document.importNode(parsed.documentElement, true);
  document.body.style.margin = '0';
  document.body.replaceChildren(svg);
  const placeOf = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x, y, width, height };
  };
  const all = (selector) => Array.from(svg.querySelectorAll(selector));
  const endOf = (path, at) => {
    const { x, y } = path.getPointAtLength(at).matrixTransform(path.getScreenCTM());
    return { x, y };
  };
  return {
    fault,
    root,
    foreign: all('script,image,use,a,foreignObject,[href],[onload]').map((element) => element.outerHTML),
    size: placeOf(svg),
    boxes: all('rect:not(.page):not([fill-opacity="0"])').map((rect) => {
      return { ...placeOf(rect), is: rect.getAttribute('class'), node: rect.closest('[data-node]')?.dataset.node ?? null };
    }),
    texts: all('text').map((text) => ({ ...placeOf(text), text: text.textContent })),
    lines: all('path.line[marker-end],path.line[marker-start]').map((path) => ({
      start: endOf(path, 0),
      end: endOf(path, path.getTotalLength()),
    })),
  };
}`;

let browser: Browser | undefined;
let page: Page | undefined;

async function measured(svg: string): Promise<Measured> {
  const found: unknown = await page?.evaluate(`(${MEASURE})(${JSON.stringify(svg)})`);
  return measuredSchema.parse(found);
}

const right = ({ x, width }: Box): number => x + width;
const bottom = ({ y, height }: Box): number => y + height;

/** Whether two share more than their borders. */
function overlap(a: Box, b: Box): boolean {
  const least = 1;
  return (
    Math.min(right(a), right(b)) - Math.max(a.x, b.x) > least &&
    Math.min(bottom(a), bottom(b)) - Math.max(a.y, b.y) > least
  );
}

function inside(inner: Box, outer: Box): boolean {
  const most = 1.5;
  return (
    inner.x >= outer.x - most &&
    inner.y >= outer.y - most &&
    right(inner) <= right(outer) + most &&
    bottom(inner) <= bottom(outer) + most
  );
}

const nameOf = (box: Box & { is?: string; text?: string }): string =>
  `${box.text ?? box.is ?? ''} at ${Math.round(box.x)},${Math.round(box.y)}`;

function overlaps(boxes: readonly Box[]): string[] {
  return boxes.flatMap((a, at) =>
    boxes.slice(at + 1).flatMap((b) => (overlap(a, b) ? [`${nameOf(a)} and ${nameOf(b)}`] : [])),
  );
}

const EMPTY_BOX = { x: 0, y: 0, width: 0, height: 0 };

/** How far a point is from the border of a box. */
function distance({ x, y, width, height }: Box, point: { x: number; y: number }): number {
  const dx = Math.abs(point.x - (x + width / 2)) - width / 2;
  const dy = Math.abs(point.y - (y + height / 2)) - height / 2;
  return dx <= 0 && dy <= 0 ? Math.min(-dx, -dy) : Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
}

/** What holds of every drawing: it is XML of its own, and nothing of it is cut off. */
function expectWhole({ fault, root, foreign, size, boxes, texts }: Measured): void {
  expect({ fault, root, foreign }).toEqual({ fault: null, root: 'http://www.w3.org/2000/svg svg', foreign: [] });
  expect(texts.length).toBeGreaterThan(0);
  expect([...boxes, ...texts].filter((box) => !inside(box, size)).map(nameOf)).toEqual([]);
  expect(overlaps(texts)).toEqual([]);
}

/** Labels lie on no box and on no other label, and each text is on what it belongs to. */
function expectClear({ texts, lines }: Measured, boxes: readonly Box[], plates: readonly Box[]): void {
  expect(overlaps(plates)).toEqual([]);
  expect(
    plates.flatMap((plate) =>
      boxes.filter((box) => overlap(plate, box)).map((box) => `${nameOf(plate)}, ${nameOf(box)}`),
    ),
  ).toEqual([]);
  for (const text of texts) {
    const touched = [...boxes, ...plates].filter((box) => overlap(box, text));
    if (touched.length > 0)
      expect(
        touched.some((box) => inside(text, box)),
        nameOf(text),
      ).toBe(true);
  }
  for (const { start, end } of lines) {
    for (const point of [start, end]) {
      const nearest = Math.min(...boxes.map((box) => distance(box, point)));
      // A stack of several has a second border behind the first.
      expect(nearest, `${point.x},${point.y}`).toBeLessThan(5.5);
    }
  }
}

const partsOf = ({ boxes }: Measured): { plates: Box[]; others: (Box & { is: string })[] } => ({
  plates: boxes.filter(({ is }) => is === 'plate'),
  others: boxes.filter(({ is }) => is !== 'plate'),
});

/** Of a graph: the boxes of nodes; those of several have another box behind them, which is drawn first. */
function nodeBoxes({ boxes }: Measured, { nodes }: ActorGraph): Box[] {
  expect(new Set(boxes.flatMap(({ node }) => node ?? []))).toEqual(new Set(nodes.map(({ id }) => id)));
  return nodes.map(({ id }) => boxes.findLast(({ node }) => node === id) ?? EMPTY_BOX);
}

async function expectReadable(graph: ActorGraph, whole: boolean): Promise<Measured> {
  const found = await measured(svgOfGraph(graph, { whole }));
  expectWhole(found);
  const boxes = nodeBoxes(found, graph);
  expect(overlaps(boxes)).toEqual([]);
  expectClear(found, boxes, partsOf(found).plates);
  const pairs = new Set(graph.edges.map(({ from, to }) => [from, to].sort().join('\n')));
  const own = [...pairs].filter((pair) => pair.split('\n')[0] === pair.split('\n')[1]);
  expect(found.lines.length).toBe(pairs.size - own.length);
  return found;
}

describe.skipIf(skipped)('a drawing, as Chromium shows it', () => {
  beforeAll(async () => {
    browser = await startChromium();
    page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
  }, 60_000);

  it.each(['plain-4k', 'mixed-page-sizes', 'reclaim-beside-a-stream', 'ksm-mixed-sizes', 'procfs-translate'])(
    'of the actors of %s overlaps nowhere, and cuts nothing off',
    async (name) => {
      const graph = await graphNamed(name);
      const { size } = await expectReadable(graph, false);
      expect(size.width).toBeLessThan(2200);
      expect(size.height).toBeLessThan(1400);
      await expectReadable(graph, true);
    },
  );

  it('of one actor, of all actors apart, and of a log', async () => {
    const { ready, source } = await drawableNamed('gup-vs-fork');
    await expectReadable(actorGraph(source, { all: true }), false);
    await expectReadable(actorGraph(source, { actor: 'zone' }), true);
    await expectReadable(logGraph(source, sentBy(ready)), false);
  });

  it.each([
    ['actors with ports', pair],
    ['a stand-in', withRamDisk],
    ['several of one kind', threeAlarms],
  ])('of %s', async (_, make) => {
    await expectReadable(actorGraph(make().source), false);
  });

  it('says in its texts what the graph has', async () => {
    const { texts } = await expectReadable(actorGraph(pair().source), true);
    const said = texts.map(({ text }) => text);
    for (const text of ['asker:a', 'squarer:b', 'other: PING', 'back: PONG', 'POKE', 'a pair'])
      expect(said).toContain(text);
  });

  it('of names that are hostile to XML is still XML', async () => {
    const graph: ActorGraph = {
      title: '<script>&"\u0000',
      nodes: [
        { id: 'file:/a<b>&"c"', kind: 'file', actors: ['file:/a<b>&"c"'], group: 'files', standIn: null, says: ']]>' },
        { id: 'disk', kind: 'disk', actors: ['disk'], group: 'hardware', standIn: null, says: '' },
      ],
      edges: [{ from: 'disk', to: 'file:/a<b>&"c"', type: 'A<B', port: null, origin: 'carried', count: 12 }],
    };
    const { texts } = await expectReadable(graph, true);
    expect(texts.map(({ text }) => text)).toContain('file:/a<b>&"c"');
  });

  it('of every statechart has each state inside of its own outer one, and labels beside the states', async () => {
    for (const chart of chartsOf(builtIns, null)) {
      const found = await measured(svgOfCharts([chart], chart.title));
      expectWhole(found);
      const { plates, others } = partsOf(found);
      const leaves = others.filter(({ is }) => is === 'state');
      expect(overlaps(leaves), chart.title).toEqual([]);
      for (const [at, a] of others.entries()) {
        for (const b of others.slice(at + 1)) {
          if (overlap(a, b))
            expect(inside(a, b) || inside(b, a), `${chart.title}: ${nameOf(a)}, ${nameOf(b)}`).toBe(true);
        }
      }
      expect(overlaps(plates), chart.title).toEqual([]);
      const covered = plates.flatMap((plate) => leaves.filter((leaf) => overlap(plate, leaf)).map(nameOf));
      expect(covered, chart.title).toEqual([]);
    }
    const together = await measured(svgOfCharts(chartsOf(builtIns, null), 'machines'));
    expectWhole(together);
  });
});
