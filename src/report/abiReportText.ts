/** The report on a program's recorded calls, as text. */
import { type AbiFinding } from './abiReport/judge.ts';
import type { JudgedLibrary } from './abiReport/libraries.ts';
import type { AbiReport, CallRow } from './abiReport/report.ts';
import { verdictText } from './elfText.ts';
import { formatBytes, formatCount, formatHex, formatPageSize } from './format.ts';
import { formatTable } from './table.ts';

/** Findings alike, told once: of one kind, call, caller and rule. */
export interface FindingGroup {
  first: AbiFinding;
  count: number;
}

/**
 * Puts findings together that differ in nothing but addresses and lengths.
 *
 * @example
 * ```ts
 * groupFindings([]); // []
 * ```
 */
export function groupFindings(findings: readonly AbiFinding[]): FindingGroup[] {
  const groups = new Map<string, FindingGroup>();
  for (const finding of findings) {
    const key = [finding.kind, finding.op, finding.caller, finding.why.replaceAll(/\d+/g, '#')].join('|');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: finding, count: 1 });
    else group.count += 1;
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

/**
 * The whole report.
 *
 * @param shown most groups of findings that are listed
 * @example
 * ```ts
 * const growth = { mappings: 0, askedBytes: 0, addedBytes: 0 };
 * const empty = { pageBytes: 65536, programs: [], rows: [], findings: [], libraries: [], growth, asks: [] };
 * abiReportText(empty, 10).split('\n')[0]; // 'as a process of 64K pages'
 * ```
 */
export function abiReportText(report: AbiReport, shown: number): string {
  const { pageBytes, programs, rows, findings, libraries, growth, asks } = report;
  const parts = [`as a process of ${formatPageSize(pageBytes)} pages\n`];
  const paths = [...new Set(programs.map(({ path }) => path))];
  if (paths.length > 0) parts.push(`programs: ${paths.join(', ')}; how each loads: granule elf ${paths[0]}\n`);
  parts.push(callTable(rows), summary(rows));
  const known = findings.filter(({ caller }) => caller !== '');
  const unknown = findings.filter(({ caller }) => caller === '');
  parts.push(groupText('of callers that may have 4096 built in', unknown, shown));
  parts.push(groupText('of callers that ask for the page size, and would ask otherwise', known, shown));
  if (libraries.length > 0) parts.push(libraryText(libraries));
  parts.push(
    `${formatCount(growth.mappings)} mappings of ${formatBytes(growth.askedBytes)}: whole pages take ` +
      `${formatBytes(growth.addedBytes)} more of address space\n`,
  );
  if (asks.length > 0)
    parts.push(
      `asked or told in pages:\n${asks.map(({ name, count, says }) => `  ${name}, ${formatCount(count)} times: ${says}\n`).join('')}`,
    );
  return parts.filter((part) => part !== '').join('\n');
}

function callTable(rows: readonly CallRow[]): string {
  if (rows.length === 0) return '';
  const head = [
    'call',
    'calls',
    'odd address',
    'chosen by kernel',
    'by ld.so',
    'refused',
    'asks',
    'reaches further',
    'other',
    'not known',
  ];
  const cells = rows.map((row) => [
    row.op,
    ...[row.calls, row.bareAddress, row.falseAlarms, row.loader, row.refused, row.refusedAsks].map(formatCount),
    ...[row.reachesFurther, row.other, row.unknown].map(formatCount),
  ]);
  return formatTable([head, ...cells]);
}

function sum(rows: readonly CallRow[], name: Exclude<keyof CallRow, 'op'>): number {
  return rows.reduce((total, row) => total + row[name], 0);
}

function summary(rows: readonly CallRow[]): string {
  const count = (name: Exclude<keyof CallRow, 'op'>): string => formatCount(sum(rows, name));
  return (
    `${count('calls')} calls; ${count('bareAddress')} have an address that is no whole page as recorded, ` +
    `of which ${count('falseAlarms')} only because the recording kernel chose it and ${count('loader')} calls are ld.so's\n` +
    `refused: ${count('refused')}, and ${count('refusedAsks')} of callers that ask for the page size; ` +
    `${count('reachesFurther')} reach further than they should; ${count('unknown')} are about memory that exec laid out\n`
  );
}

function groupText(title: string, findings: readonly AbiFinding[], shown: number): string {
  const groups = groupFindings(findings);
  if (groups.length === 0) return '';
  const lines = groups.slice(0, shown).map(({ first, count }) => {
    const offset = first.offsetBytes < 0 ? '' : `, ${formatHex(first.offsetBytes)} into the mapping of ${first.madeAt}`;
    const caller = first.caller === '' ? '' : ` [${first.caller}]`;
    const what = first.kind === 'refused' ? `${first.errno}, ${first.why}` : first.why;
    const head = `  ${formatCount(count)} x ${first.kind}${caller}: ${what.replaceAll('`', '')}`;
    return `${head}\n      ${first.place}: ${first.text}${offset}\n      ${first.source}\n`;
  });
  const more = groups.length > shown ? `  and ${formatCount(groups.length - shown)} more kinds (--all, --json)\n` : '';
  return `${title}:\n${lines.join('')}${more}`;
}

function libraryText(libraries: readonly JudgedLibrary[]): string {
  const rows = libraries.map(({ file, place, verdict }) => [file, place, verdictText(verdict)]);
  const head = ['library, as ld.so mapped it', 'at', 'verdict'];
  return formatTable([head, ...rows], { align: ['left', 'left', 'left'] });
}
