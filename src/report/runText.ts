/** A run's summary as text. */
import { pressureLines } from './pressureSummary.ts';
import { deviceLines } from './deviceSummary.ts';
import { hugeLines } from './hugeSummary.ts';
import { formatBytes, formatCount, formatPageSize } from './format.ts';
import type { MemorySummary, ProcessSummary, RunSummary, StandInSummary } from './runSummary.ts';
import { formatColumns } from './table.ts';

/** Processes shown; of more, the rest is in `--json` alone. */
const PROCESSES_SHOWN = 40;

type Measure = readonly [name: string, cell: (process: ProcessSummary) => string];

function share(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((100 * part) / whole).toFixed(3)} %`;
}

const MEASURES: readonly Measure[] = [
  ['pid', (process) => String(process.pid)],
  ['program', (process) => process.program],
  ['page size', (process) => formatPageSize(process.pageBytes)],
  ['references', ({ counts }) => formatCount(counts.references)],
  ['L1I misses', ({ counts }) => formatCount(counts.l1iMisses)],
  ['L1D misses', ({ counts }) => formatCount(counts.l1dMisses)],
  ['L2 misses', ({ counts }) => formatCount(counts.l2Misses)],
  ['L2 misses / reference', ({ counts }) => share(counts.l2Misses, counts.references)],
  ['table walks', ({ counts }) => formatCount(counts.walks)],
  ['minor faults', (process) => formatCount(process.minorFaults)],
  ['major faults', (process) => formatCount(process.majorFaults)],
  ['resident, at end', (process) => formatBytes(process.residentBytes)],
  ['resident, peak', (process) => formatBytes(process.residentPeakBytes)],
  ['Linux tables, peak', ({ tablePeak }) => formatBytes(tablePeak.linuxBytes)],
  ['native tables, peak', ({ tablePeak }) => formatBytes(tablePeak.nativeBytes)],
  ['cache pages dropped', (process) => formatCount(process.droppedPages)],
  ['cache pages re-read', (process) => formatCount(process.rereadPages)],
  ['fallbacks', (process) => formatCount(process.fallbacks)],
  ['calls', (process) => formatCount(process.calls)],
  ['calls that failed', (process) => formatCount(process.callsFailed)],
  ['end', (process) => process.end],
];

/**
 * The table of processes: a column each, cut to the width given.
 *
 * @example
 * ```ts
 * processTable([], 80); // ''
 * ```
 */
export function processTable(processes: readonly ProcessSummary[], widthCharacters: number): string {
  const shown = processes.slice(0, PROCESSES_SHOWN);
  const subjects = shown.map((process) => MEASURES.map(([, cell]) => cell(process)));
  const table = formatColumns(
    MEASURES.map(([name]) => name),
    subjects,
    widthCharacters,
  );
  const left = processes.length - shown.length;
  return left === 0 ? table : `${table}\nand ${formatCount(left)} processes more: --json lists them all.\n`;
}

function reclaimLines({ reclaim }: RunSummary): string[] {
  if (reclaim === undefined) return [];
  const { reclaimedPages, swappedOutPages, swappedInPages, stalls, violations, lostPages } = reclaim;
  const line =
    `reclaim: ${formatCount(reclaimedPages)} pages; swap: ${formatCount(swappedOutPages)} out, ${formatCount(swappedInPages)} in; ` +
    `${formatCount(stalls)} allocations waited; ${formatCount(violations)} process pages torn`;
  return lostPages === 0 ? [line] : [line, `${formatCount(lostPages)} dirty pages were taken for clean and are lost`];
}

/** A figure, or a dash where a stand-in shows none. */
function shown(figure: number | null): string {
  return figure === null ? '-' : formatCount(figure);
}

function pagesText(memory: MemorySummary, field: 'totalPages' | 'freePages' | 'freePagesLeast'): string {
  const pages = memory[field];
  return pages === null || memory.pageBytes === null ? '-' : formatBytes(pages * memory.pageBytes);
}

const SHOWN: Readonly<Record<StandInSummary['shows'], string>> = {
  context: '',
  figures: '',
  nothing: ', and shows no figures',
};

/**
 * The whole summary: processes, reasons of fallbacks, files, memory.
 *
 * @example
 * ```ts
 * runText(summarize([]), 80).split('\n')[0]; // 'files: 0; page cache: 0 drops, 0 pages dropped, 0 read again; 0 read, 0 written in all'
 * ```
 */
export function runText(summary: RunSummary, widthCharacters: number): string {
  const { processes, files, memory } = summary;
  const lines: string[] = [];
  const table = processTable(processes, widthCharacters);
  if (table !== '') lines.push(table);
  for (const { pid, fallbacks, fallbackReason } of processes) {
    if (fallbacks > 0) lines.push(`process ${pid} fell back to the Linux table: ${fallbackReason}`);
  }
  lines.push(
    `files: ${formatCount(files.files)}; page cache: ${shown(files.drops)} drops, ` +
      `${shown(files.droppedPages)} pages dropped, ${shown(files.rereadPages)} read again; ` +
      `${shown(files.readPages)} read, ${shown(files.writtenPages)} written in all`,
    `memory: ${pagesText(memory, 'totalPages')}, ${pagesText(memory, 'freePages')} free, ` +
      `at least ${pagesText(memory, 'freePagesLeast')} were; ${shown(memory.failures)} allocations failed`,
    ...reclaimLines(summary),
    `calls refused at the ABI: ${formatCount(summary.callsRefused)}`,
  );
  if (summary.pressure !== undefined) lines.push(...pressureLines(summary.pressure));
  if (summary.devices !== undefined) lines.push(...deviceLines(summary.devices));
  if (summary.huge !== undefined) lines.push(...hugeLines(summary.huge));
  for (const { kind, by, shows } of summary.standIns ?? []) lines.push(`${by} stands in for ${kind}${SHOWN[shows]}`);
  if (summary.unfinished > 0) lines.push(`${summary.unfinished} of ${processes.length} processes did not end`);
  return `${lines.join('\n')}\n`;
}
