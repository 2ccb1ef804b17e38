/**
 * What a program's recorded calls would meet in a process of larger pages.
 *
 * @models S-20 S-26
 */
import { pageAlign } from '../../mm/abi/steps.ts';
import { MAP } from '../../mm/abi/numbers.ts';
import type { RecordedEvent } from '../../trace/recordedCalls.ts';
import { type AbiFinding, judgeCall } from './judge.ts';
import { type JudgedLibrary, LibraryCalls } from './libraries.ts';
import { type CallEvent, RECORDED_PAGE_BYTES, RecordedSpace } from './space.ts';

/** Calls of one kind, counted. */
export interface CallRow {
  op: string;
  calls: number;
  /** Failed as recorded, and are not looked at. */
  failed: number;
  /** The address as recorded is no multiple of the page: what a look at the bare address would report. */
  bareAddress: number;
  /** Of these, only because the recording kernel chose the address. */
  falseAlarms: number;
  /** Made by ld.so for a library: judged with the library. */
  loader: number;
  /** About memory that exec laid out, which the recording does not show. */
  unknown: number;
  refused: number;
  /** Refused as recorded, but of a caller that asks for the page size. */
  refusedAsks: number;
  reachesFurther: number;
  other: number;
}

/** The whole report. */
export interface AbiReport {
  pageBytes: number;
  programs: { path: string; place: string }[];
  rows: CallRow[];
  findings: AbiFinding[];
  libraries: JudgedLibrary[];
  /** Mappings whose place the kernel chose, and what rounding up their lengths adds. */
  growth: { mappings: number; askedBytes: number; addedBytes: number };
  /** Other things that it asks or is told in pages: name, count, and the values where there are any. */
  asks: { name: string; count: number; says: string }[];
}

/** What is told in pages without an address, and what the answer is at another page size. */
const ASKS: Readonly<Record<string, (values: readonly number[], pageBytes: number) => string>> = {
  F_SETPIPE_SZ: (values, pageBytes) => {
    const sizes = values.map((value) => 2 ** Math.ceil(Math.log2(Math.max(value, pageBytes))));
    const rule = 'a pipe holds whole pages of the caller, a power of two of them';
    return `${rule}: ${sizes.join(', ')} bytes for ${values.join(', ')}`;
  },
  F_GETPIPE_SZ: (values, pageBytes) =>
    `16 slots of a page: ${16 * pageBytes} bytes for a pipe that nobody resized, instead of ${Math.max(...values)}`,
  'proc:statm': () => 'counts in pages of the kernel or of the process',
  'proc:stat': () => 'field 24 (rss) is in pages',
  'proc:smaps': () => 'KernelPageSize and MMUPageSize; sums in steps of the process page',
  'proc:smaps_rollup': () => 'sums in steps of the process page',
  'proc:pagemap': () => 'one entry a page, found by address / page size',
  'proc:numa_maps': () => 'counts in pages',
  'proc:clear_refs': () => 'acts on pages',
};

/**
 * Plays recorded calls and reports what another page size would make of them.
 *
 * @example
 * ```ts
 * abiReport([], 65536).rows; // []
 * ```
 */
export function abiReport(events: readonly RecordedEvent[], pageBytes: number): AbiReport {
  const player = new Player(pageBytes);
  for (const event of events) player.take(event);
  return player.report();
}

class Player {
  private readonly pageBytes: number;
  private readonly spaces: Map<number, RecordedSpace> = new Map();
  private readonly libraries: LibraryCalls = new LibraryCalls();
  private readonly rows: Map<string, CallRow> = new Map();
  private readonly findings: AbiFinding[] = [];
  private readonly programs: { path: string; place: string }[] = [];
  private readonly growth = { mappings: 0, askedBytes: 0, addedBytes: 0 };
  private readonly asked: Map<string, number[]> = new Map();

  constructor(pageBytes: number) {
    this.pageBytes = pageBytes;
  }

  take(event: RecordedEvent): void {
    if (event.kind === 'exec') {
      const space = new RecordedSpace();
      space.addImage(event.image);
      this.spaces.set(event.space, space);
      this.programs.push({ path: event.path, place: event.place });
    } else if (event.kind === 'fork') this.spaces.set(event.child, this.spaceOf(event.space).copy());
    else if (event.kind === 'asks') this.asked.set(event.name, [...(this.asked.get(event.name) ?? []), event.value]);
    else this.call(event);
  }

  private spaceOf(id: number): RecordedSpace {
    const space = this.spaces.get(id) ?? new RecordedSpace();
    this.spaces.set(id, space);
    return space;
  }

  private rowOf(op: string): CallRow {
    const zero = { calls: 0, failed: 0, bareAddress: 0, falseAlarms: 0, loader: 0, unknown: 0 };
    const row = this.rows.get(op) ?? { op, ...zero, refused: 0, refusedAsks: 0, reachesFurther: 0, other: 0 };
    this.rows.set(op, row);
    return row;
  }

  private call(event: CallEvent): void {
    const { call } = event;
    const space = this.spaceOf(event.space);
    const row = this.rowOf(call.op);
    row.calls += 1;
    if (event.errno !== '') {
      row.failed += 1;
      return;
    }
    if (isBareAddressOdd(call, this.pageBytes)) row.bareAddress += 1;
    this.noteGrowth(event);
    if (this.libraries.takes(event, space)) row.loader += 1;
    else this.judge(event, space, row);
    space.apply(event);
    this.libraries.noteFirst(event, space);
  }

  private judge(event: CallEvent, space: RecordedSpace, row: CallRow): void {
    const { findings, falseAlarm, unknown } = judgeCall(event, space, this.pageBytes);
    if (falseAlarm) row.falseAlarms += 1;
    if (unknown) row.unknown += 1;
    for (const finding of findings) {
      this.findings.push(finding);
      if (finding.kind === 'reaches-further') row.reachesFurther += 1;
      else if (finding.kind !== 'refused') row.other += 1;
      else if (finding.caller === '') row.refused += 1;
      else row.refusedAsks += 1;
    }
  }

  private noteGrowth({ call }: CallEvent): void {
    if (call.op !== 'mmap' || (call.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0) return;
    this.growth.mappings += 1;
    this.growth.askedBytes += pageAlign(call.lengthBytes, RECORDED_PAGE_BYTES);
    this.growth.addedBytes +=
      pageAlign(call.lengthBytes, this.pageBytes) - pageAlign(call.lengthBytes, RECORDED_PAGE_BYTES);
  }

  report(): AbiReport {
    const { pageBytes, programs, findings, growth } = this;
    const rows = [...this.rows.values()].sort((a, b) => (a.op < b.op ? -1 : 1));
    const asks = [...this.asked].map(([name, values]) => ({
      name,
      count: values.length,
      says: ASKS[name]?.(values, pageBytes) ?? '',
    }));
    return { pageBytes, programs, rows, findings, libraries: this.libraries.judge(pageBytes), growth, asks };
  }
}

/** Whether an address that must be aligned is not, as recorded. */
function isBareAddressOdd(call: CallEvent['call'], pageBytes: number): boolean {
  const fixed = call.op !== 'mmap' || (call.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) !== 0;
  const rounds = ['mlock', 'mlock2', 'munlock', 'brk', 'shmat'].includes(call.op);
  return fixed && !rounds && 'addr' in call && call.addr % pageBytes !== 0;
}
