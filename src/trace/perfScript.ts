import { splitAddress } from './addresses.ts';
import type { LineParser } from './lines.ts';
import { eachLine, malformed } from './lines.ts';
import type { RunBuilder } from './runBuilder.ts';

/**
 * perf prints the fields in an order of its own (tools/perf/builtin-script.c:process_event), whatever the order of -F:
 * `comm pid/tid [cpu] time: period event: addr data_src ip sym`. All before the event and behind the address is optional.
 */
const SAMPLE = new RegExp(
  [
    /^\s*(?:(\S.*?)\s+)?(?:(\d+)(\/\d+)?\s+)?/, // comm, pid/tid
    /(?:\[\d+\]\s+)?(?:(\d+\.\d+):\s+)?(?:\d+\s+)?/, // [cpu], time, period
    /([A-Za-z_][^\s:]*(?::[A-Za-z]+)?):\s+([0-9a-f]{1,16})(?:\s(.*))?$/, // event, address, the rest
  ]
    .map((part) => part.source)
    .join(''),
);
/** perf prints no line as long as this; the pattern would take too long over one. */
const LINE_CHARS = 4096;
const NOTHING = /^\s*(?:#.*)?$/;
/** What arm_spe's decoder makes of one record (tools/perf/util/arm-spe.c:arm_spe_sample): several samples of one access. */
const SPE_EVENT = /^(?:l1d|llc|tlb)-(?:access|miss)$|^remote-access$|^memory$/;
const LOAD_EVENT = /load|mem-ld/;
const STORE_EVENT = /store|mem-st/;
/** 4K page number of the first kernel address: 2^63. Kernel samples are no accesses of the process. */
const FIRST_KERNEL_PAGE = 2 ** 51;

/**
 * Whether a text is the output of `perf script` on memory samples.
 *
 * @example
 * ```ts
 * isPerfScript('ls 91/91 7.1: cpu/mem-stores/P: 7ffe10 401000 main\n'); // true
 * ```
 */
export function isPerfScript(head: string): boolean {
  const lines = head.split('\n');
  const first = lines.slice(0, lines.length > 1 ? -1 : 1).find((line) => !NOTHING.test(line));
  return first !== undefined && first.length <= LINE_CHARS && SAMPLE.test(first);
}

/**
 * Parses `perf script` text of memory samples, as `perf mem record -- COMMAND` and then
 * `perf script -F comm,pid,tid,time,event,addr,ip,sym` (or `-F +addr`, `-F +data_src`) print it.
 *
 * A sample is a store when its data source says `OP STORE`, or else when its event's name holds `store`; a load when it
 * says `OP LOAD`, or when the name holds `load` or is one of Arm SPE's (`l1d-access`, `memory`, ...). SPE makes several
 * samples of one access: lines that follow each other and differ in the event alone count once. Samples of other events,
 * without an address, or of a kernel address are passed over. An access is taken as one byte: perf does not tell its size.
 *
 * @throws GranuleError TRACE_MALFORMED with the line's number and text, also for a sample of a second process
 * @example
 * ```ts
 * const builder = new RunBuilder(new PageDictionary(), () => {});
 * const line = 'ls 91/91 7.1: cpu/mem-stores/P: 7ffe10 401000 main\n';
 * new PerfScriptParser(builder, 'x').parse(Buffer.from(line), 0, line.length);
 * builder.runs; // 1
 * ```
 */
export class PerfScriptParser implements LineParser {
  lines = 0;
  private readonly builder: RunBuilder;
  private readonly file: string;
  private pid = '';
  private last = '';

  constructor(builder: RunBuilder, file: string) {
    this.builder = builder;
    this.file = file;
  }

  parse(bytes: Uint8Array, start: number, end: number): void {
    eachLine(bytes, start, end, (text) => this.line(text));
  }

  end(): void {
    // Every line is complete in itself.
  }

  private line(text: string): void {
    this.lines += 1;
    const match = text.length > LINE_CHARS ? null : SAMPLE.exec(text);
    if (match === null) {
      if (NOTHING.test(text)) return;
      throw malformed(this.file, this.lines, text);
    }
    const [, comm, pid, tid, time, event, address, rest = ''] = match;
    const written = /\|OP STORE\b/.test(rest) || (!/\|OP LOAD\b/.test(rest) && STORE_EVENT.test(event));
    const spe = SPE_EVENT.test(event);
    if (!written && !spe && !LOAD_EVENT.test(event) && !/\|OP LOAD\b/.test(rest)) return;
    const { page, offset } = splitAddress(address);
    if ((page === 0 && offset === 0) || page >= FIRST_KERNEL_PAGE) return;
    // `pid/tid` tells processes apart; a lone number is the thread's, of which a process may have many.
    if (tid !== undefined && this.pid !== '' && pid !== this.pid) {
      throw malformed(this.file, this.lines, text, `a sample of another process; choose one with --pid=${this.pid}`);
    }
    if (tid !== undefined) this.pid = pid;
    const sample = `${comm} ${pid}${tid} ${time} ${address} ${rest}`;
    const repeated = spe && time !== undefined && sample === this.last;
    this.last = sample;
    if (repeated) return;
    if (written) this.builder.store(page, offset, 1);
    else this.builder.load(page, offset, 1);
  }
}
