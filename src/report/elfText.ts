/** The verdicts on ELF files as text: one line a file, or everything about one. */
import { type ElfFile, ET, headersOf, linkedAlign, PT } from '../mm/elf/elfFile.ts';
import { AARCH64_FEATURES, type ElfProperty } from '../mm/elf/notes.ts';
import { type Finding, FINDINGS, type Verdict } from '../mm/elf/verdict.ts';
import { formatBytes, formatCount, formatHex, formatPageSize, formatProtection } from './format.ts';
import { formatTable } from './table.ts';

/** A file with its verdicts, one for each page size, in ascending order. */
export interface JudgedElf {
  /** What the user called it. */
  path: string;
  file: ElfFile;
  verdicts: Verdict[];
  /** The page size that a note of the file asks for, 0 without one. */
  notedPageBytes: number;
  properties: readonly ElfProperty[];
  /** PT_INTERP with its own verdicts, where the file is there; exec loads both in pages of one size. */
  interpreter: JudgedElf | null;
}

/**
 * What a file is: a program at a fixed address, one that may lie anywhere, or a library.
 *
 * @example
 * ```ts
 * elfKind({ type: ET.DYN, interpreter: '/lib/ld.so' }); // 'pie'
 * ```
 */
export function elfKind(file: Pick<ElfFile, 'type' | 'interpreter'>): string {
  if (file.type === ET.EXEC) return 'exec';
  if (file.type !== ET.DYN) return `type ${file.type}`;
  return file.interpreter === null ? 'library' : 'pie';
}

/** The worst of the outcomes of a program and its interpreter decides. */
const ORDER = ['as-is', 'weaker', 'broken', 'refused'] as const;

/**
 * The verdict in a few words.
 *
 * @example
 * ```ts
 * const none = { copiedBytes: 0, mergedBytes: 0, writeAndExecuteBytes: 0, relroLostBytes: 0, outcome: 'as-is' as const };
 * const fine = { pageBytes: 4096, loader: 'kernel' as const, outcome: 'as-is' as const, refusal: null, findings: [] };
 * verdictText({ ...fine, mappedBytes: 0, oldGlibcRefuses: false, remedy: none }); // 'as is'
 * ```
 */
export function verdictText(verdict: Verdict): string {
  const { outcome, refusal, findings } = verdict;
  if (refusal !== null) return refusal.when === 'ld.so' ? 'refused by ld.so' : `refused: ${refusal.errno}`;
  if (outcome === 'as-is') return 'as is';
  const whats = new Set(findings.filter(({ what }) => FINDINGS[what].weighs === outcome).map(({ what }) => what));
  return `${outcome}: ${[...whats].join(', ')}`;
}

/**
 * One line a file.
 *
 * @example
 * ```ts
 * elfTable([]); // 'file  kind  linked for\n----  ----  ----------\n'
 * ```
 */
export function elfTable(judged: readonly JudgedElf[]): string {
  const sizes = judged[0]?.verdicts.map(({ pageBytes }) => formatPageSize(pageBytes)) ?? [];
  const rows = judged.map(({ path, file, verdicts }) => [
    path,
    elfKind(file),
    linkedText(file),
    ...verdicts.map(verdictText),
  ]);
  const left = ['file', 'kind', 'linked for', ...sizes];
  return formatTable([left, ...rows], { align: left.map(() => 'left' as const) });
}

function linkedText(file: ElfFile): string {
  const bytes = linkedAlign(file);
  return bytes === 0
    ? '-'
    : bytes % 1024 === 0
      ? formatBytes(bytes).replace(' KiB', 'K').replace(' MiB', 'M')
      : `${bytes}`;
}

/**
 * Everything about one file.
 *
 * @example
 * ```ts
 * const about = { name: 'a', sizeBytes: 0, bits: 64 as const, littleEndian: true, type: 3, machine: 183, entry: 0 };
 * const table = { headerOffset: 64, headerEntryBytes: 56, entrySizeFits: true, headers: [], interpreter: null };
 * const judged = { path: 'a', file: { ...about, ...table }, verdicts: [], notedPageBytes: 0, properties: [] };
 * elfReport({ ...judged, interpreter: null }).split('\n')[0];
 * // 'a: library, 64 bit, little-endian, linked for -'
 * ```
 */
export function elfReport(judged: JudgedElf): string {
  const { path, file, verdicts, interpreter, notedPageBytes } = judged;
  const order = file.littleEndian ? 'little' : 'big';
  const head = `${path}: ${elfKind(file)}, ${file.bits} bit, ${order}-endian, linked for ${linkedText(file)}\n`;
  const noted = notedPageBytes === 0 ? '' : `a note asks for pages of ${formatPageSize(notedPageBytes)}\n`;
  const parts = [
    head + noted + featureText(judged),
    segmentTable(file),
    ...verdicts.map((verdict) => verdictReport(judged, verdict)),
  ];
  if (file.interpreter !== null && interpreter === null) parts.push(`interpreter ${file.interpreter}: not here\n`);
  if (interpreter !== null) parts.push(`interpreter, in pages of the same size:\n${elfTable([interpreter])}`);
  return parts.join('\n');
}

/** What else exec takes from the headers: the protection of the stack, and BTI and PAC of arm64. */
function featureText({ file, properties }: JudgedElf): string {
  const stack = headersOf(file, PT.GNU_STACK)[0];
  const features = properties.find(({ type }) => type === AARCH64_FEATURES)?.value ?? 0;
  const said = [
    ...(stack !== undefined && (stack.prot & 4) !== 0 ? ['an executable stack'] : []),
    ...((features & 1) === 0 ? [] : ['BTI']),
    ...((features & 2) === 0 ? [] : ['PAC']),
  ];
  return said.length === 0 ? '' : `asks for ${said.join(', ')}\n`;
}

function segmentTable(file: ElfFile): string {
  const names: [number, string][] = [
    [PT.LOAD, 'LOAD'],
    [PT.GNU_RELRO, 'RELRO'],
    [PT.TLS, 'TLS'],
  ];
  const rows = names.flatMap(([type, name]) =>
    headersOf(file, type).map((header, index) => [
      type === PT.LOAD ? `${name} ${index}` : name,
      formatHex(header.vaddr),
      formatHex(header.offset),
      formatHex(header.fileBytes),
      formatHex(header.memoryBytes),
      formatProtection(header.prot),
      formatHex(header.align),
    ]),
  );
  return formatTable([['header', 'address', 'offset', 'in file', 'in memory', 'rights', 'align'], ...rows], {
    indent: '  ',
  });
}

function verdictReport({ interpreter }: JudgedElf, verdict: Verdict): string {
  const { pageBytes, mappedBytes, findings, refusal, remedy } = verdict;
  const lines = [`${formatPageSize(pageBytes)}: ${verdictText(verdict)}; ${formatBytes(mappedBytes)} mapped`];
  if (refusal !== null) {
    const when = {
      'before-no-return': 'execve fails',
      killed: 'past the point of no return: SIGSEGV',
      'ld.so': 'by ld.so',
    };
    lines[0] = `${formatPageSize(pageBytes)}: refused, ${refusal.errno}: ${refusal.why} (${when[refusal.when]})`;
  }
  lines.push(...findings.map(findingText));
  if (verdict.oldGlibcRefuses)
    lines.push('  glibc before 2.35 refuses it: ELF load command alignment not page-aligned');
  if (remedy.mergedBytes + remedy.copiedBytes + remedy.relroLostBytes > 0) {
    lines.push(
      `  with merged rights and anonymous copies: ${remedy.outcome === 'as-is' ? 'as is' : 'weaker'}; ` +
        `${formatBytes(remedy.copiedBytes)} copied, ${formatBytes(remedy.mergedBytes)} merged, of these ` +
        `${formatBytes(remedy.writeAndExecuteBytes)} writable and executable; ` +
        `${formatCount(remedy.relroLostBytes)} bytes of RELRO stay writable`,
    );
  }
  const other = interpreter?.verdicts.find((candidate) => candidate.pageBytes === pageBytes);
  if (other !== undefined && ORDER.indexOf(other.outcome) > ORDER.indexOf(verdict.outcome)) {
    lines.push(`  its interpreter is worse: ${verdictText(other)}`);
  }
  return `${lines.join('\n')}\n`;
}

function findingText({ what, segment, bytes, firstVaddr }: Finding): string {
  return `  LOAD ${segment}: ${formatCount(bytes)} bytes from ${formatHex(firstVaddr)} on ${FINDINGS[what].says}`;
}
