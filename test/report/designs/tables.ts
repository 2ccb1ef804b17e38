/** The tables of docs/compare-designs.md, of runs. */
import { join } from 'node:path';
import { compareDesigns, type DesignColumn, type DesignComparison } from '../../../src/report/designs/comparison.ts';
import { designsOf, type DesignSetting } from '../../../src/report/designs/designList.ts';
import type { BreakEven } from '../../../src/report/designs/breakEven.ts';
import { BOUNDS } from '../../../src/report/designs/estimate.ts';
import { runDesign } from '../../../src/report/designs/runDesign.ts';
import { openTrace } from '../../../src/trace/gtrReader.ts';
import { relayout } from '../../../src/trace/relayout.ts';
import { PROJECT } from '../../cli/harness.ts';

export const SETTING: DesignSetting = {
  core: 'neoverse-v2',
  memoryBytes: 2 ** 31,
  kernelPageEvery: null,
  cache: 'cold',
};
const SHOWN = new Set([
  'plain-4K',
  'plain-16K',
  'plain-64K',
  'mthp-50',
  'mthp-100',
  'proposal-16K',
  'proposal-64K',
  'layers-1-2-64K',
]);

/** Runs a trace of the fixtures on all designs. */
export function comparisonOf(name: string): DesignComparison {
  const source = openTrace(join(PROJECT, 'fixtures/traces', `${name}.gtr`));
  const trace = relayout(source, 65536);
  const runs = designsOf().map((design) => ({ design, figures: runDesign(trace, design, SETTING) }));
  const comparison = compareDesigns(source, SETTING, runs);
  source.close();
  return comparison;
}

const count = (value: number): string => value.toLocaleString('en-US');
const thousands = (value: number): string => count(Math.round(value / 1000));
const kib = (bytes: number): string => count(Math.round(bytes / 1024));

function rowOf({ design, figures, estimate, fragmentationBytes }: DesignColumn): string {
  const { translation, total } = estimate;
  const cells = [
    `\`${design.name}\``,
    count(figures.l1iMisses + figures.l1dMisses),
    count(figures.walks),
    count(figures.walkLines),
    count(figures.minorFaults + figures.majorFaults),
    kib(figures.zeroedBytes + figures.copiedBytes),
    kib(figures.residentPeakBytes),
    kib(fragmentationBytes ?? 0),
    kib(figures.pageCacheBytes),
    `${kib(figures.linuxTableBytes)} + ${kib(figures.nativeTableBytes)}`,
    `${thousands(translation.mid)} (${thousands(translation.low)}-${thousands(translation.high)})`,
    `${thousands(total.mid)} (${thousands(total.low)}-${thousands(total.high)})`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function meeting(found: BreakEven): string {
  if (found.kind === 'at') return `${found.coveragePercent.toFixed(0)}%`;
  return found.kind === 'none-design-wins' ? 'none: wins at 100% too' : 'none: loses at 0%';
}

/** The section of one program. */
export function sectionOf({ trace, columns, gains, breakEvens }: DesignComparison): string {
  const names = ['design', 'L1 misses', 'walks', 'table lines', 'faults', 'zeroed and copied, KiB', 'resident, KiB'];
  const more = ['fragmentation, KiB', 'page cache, KiB', 'tables, KiB', 'translation', 'with faults'];
  const head = `| ${[...names, ...more].join(' | ')} |`;
  const rule = '|---|---|---|---|---|---|---|---|---|---|---|---|';
  const rows = columns.filter(({ design }) => SHOWN.has(design.name)).map(rowOf);
  const wanted = gains.filter(
    ({ from, to }) => to === 'proposal-64K' || (from === 'plain-4K' && (to === 'mthp-100' || to === 'layers-1-2-64K')),
  );
  const terms = wanted.map(({ from, to, terms: found }) => {
    const cells = [found.tlbReach, found.levels, found.walkCacheReach, found.tableFootprint, found.faults, found.total];
    return `| \`${from}\` to \`${to}\` | ${cells.map(({ mid }) => count(Math.round(mid))).join(' | ')} |`;
  });
  const even = breakEvens.map(({ against, translation, total }) => {
    const texts = (of: typeof total): string => [...new Set(BOUNDS.map((bound) => meeting(of[bound])))].join('; ');
    return `Break-even of mTHP with \`${against}\`: by translation ${texts(translation)}; with faults ${texts(total)}.`;
  });
  return [
    `### ${trace.name}`,
    `\n${count(trace.references)} references.\n`,
    head,
    rule,
    ...rows,
    '',
    '| cycles saved | TLB reach | levels | walk-cache reach | table footprint | faults | together |',
    '|---|---|---|---|---|---|---|',
    ...terms,
    '',
    ...even,
  ].join('\n');
}
