/** Putting the reports of all shares together, segment by segment, in the order of the log. */
import { faultPlanOf } from '../topology/lifecycle.ts';
import { GranuleError, invariant } from '../errors.ts';
import { hashHex } from '../log/chain.ts';
import type { LogReader } from '../log/logReader.ts';
import { SEGMENT_RECORDS } from '../log/segmentHeader.ts';
import { LoopCheck } from './loopCheck.ts';
import type { RecordedRun } from './recordedRun.ts';
import { RuleWords } from './ruleWords.ts';
import { type Misfit, RECORD_WORDS, SEND_WORDS, type ShareReport } from './shareReport.ts';

/** What one share said and was not yet used. */
interface Source {
  readonly reports: ShareReport[];
  readonly names: string[];
}

/**
 * Takes reports, those of one share in the order of the segments, and checks each segment once all shares have reported it.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const run = new RecordedRun(runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces), traces);
 * const merge = new ShareMerge(run, 1);
 * merge.add(0, new ShareFold(run, { actors: run.actors, index: 0, count: 1 }).segment(0));
 * merge.misfit; // null
 * merge.segments; // 1
 * ```
 */
export class ShareMerge {
  readonly loop: LoopCheck;
  /** Null while everything fits. What is recorded behind it was not looked at. */
  misfit: Misfit | null = null;
  /** How the recorded run ended when it did not end by itself. */
  failure: GranuleError | null = null;
  /** Segments that were checked. */
  segments = 0;
  readonly #reader: LogReader;
  readonly #sources: readonly Source[];
  readonly #sendWords: number;
  /** Which share has each record of a segment, and where in its report. */
  readonly #owners = new Int32Array(SEGMENT_RECORDS);
  readonly #starts = new Int32Array(SEGMENT_RECORDS);
  /** One string for each name, so that comparing two of them is comparing two pointers. */
  readonly #interned = new Map<string, string>();

  constructor(run: RecordedRun, shares: number) {
    this.#reader = run.reader;
    this.loop = new LoopCheck(run);
    this.#sendWords = SEND_WORDS + new RuleWords(faultPlanOf(run.meta.topology)).rules.length;
    this.#sources = Array.from({ length: shares }, () => ({ reports: [], names: [] }));
    const { reader } = run;
    if (hashHex(reader.chainBefore(reader.directory.segments.length)) !== reader.headHash) {
      this.misfit ??= { seq: reader.lastSeq, what: 'the head hash is not the end of the hash chain' };
    }
  }

  /** How many shares there are. */
  get shares(): number {
    return this.#sources.length;
  }

  /** Takes a report. */
  add(share: number, report: ShareReport): void {
    const source = this.#sources[share];
    invariant(source !== undefined, `there is a share ${share}`);
    source.reports.push(report);
    for (const name of report.names) source.names.push(this.#intern(name));
    while (this.misfit === null && this.#sources.every(({ reports }) => reports.length > 0)) this.#mergeSegment();
  }

  #intern(name: string): string {
    const known = this.#interned.get(name);
    if (known !== undefined) return known;
    this.#interned.set(name, name);
    return name;
  }

  #mergeSegment(): void {
    const entry = this.#reader.directory.segments[this.segments];
    invariant(entry !== undefined, 'no share reports more segments than there are');
    const reports = this.#sources.map((source) => source.reports.shift());
    const owners = this.#owners.subarray(0, entry.records).fill(-1);
    const starts = this.#starts;
    for (const [owner, report] of reports.entries()) {
      const words = report?.words ?? [];
      for (let at = 0; at < words.length; at += RECORD_WORDS + words[at + RECORD_WORDS - 1] * this.#sendWords) {
        owners[words[at] - entry.firstSeq] = owner;
        starts[words[at] - entry.firstSeq] = at;
      }
    }
    for (let index = 0; index < owners.length; index++) {
      const owner = owners[index];
      const seq = entry.firstSeq + index;
      const words = reports[owner]?.words;
      const what = words === undefined ? 'no share has it' : this.#deliver(seq, words, starts[index], owner);
      if (what === null) continue;
      this.misfit = { seq, what };
      return;
    }
    this.segments++;
    for (const report of reports) {
      this.misfit ??= report?.misfit ?? null;
      if (report === undefined || report.thrown === null) continue;
      const { seq, code, message, where } = report.thrown;
      if (seq === this.#reader.lastSeq) this.failure = new GranuleError(code, message, where);
      else this.misfit ??= { seq, what: message };
    }
  }

  #deliver(seq: number, words: Float64Array, at: number, owner: number): string | null {
    try {
      return this.loop.deliver(words, at, this.#sources[owner].names);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      if (seq !== this.#reader.lastSeq) return error.message;
      this.failure = error;
      return null;
    }
  }
}
