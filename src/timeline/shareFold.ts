/** Folding some of the actors of a log from their own records alone, and saying what they received and sent. */
import { faultPlanOf } from '../topology/lifecycle.ts';
import { GranuleError, invariant } from '../errors.ts';
import { hashHex } from '../log/chain.ts';
import type { CheckpointEntry } from '../log/directory.ts';
import type { StreamedRecord } from '../log/streamedRecord.ts';
import type { Message } from '../runtime/envelope.ts';
import { handleMessage, type HostedActor } from '../runtime/hosting.ts';
import type { Send } from '../runtime/xstateInternals.ts';
import { PayloadHasher } from './payloadHash.ts';
import { messageIn, type PlainState, plainState, type RecordedRun } from './recordedRun.ts';
import { RuleWords } from './ruleWords.ts';
import { differenceFrom, storedForm } from './storedForm.ts';
import { type Misfit, ReportWriter, type ShareReport, type Thrown } from './shareReport.ts';

/** Which part of the work is this share's. */
export interface Share {
  readonly actors: readonly string[];
  /** Its number, from 0, and how many there are: the links of the hash chain are dealt out by it. */
  readonly index: number;
  readonly count: number;
}

/**
 * One share of a parallel replay. What it reports is enough for `LoopCheck` to hold the whole run against the log; the states
 * in checkpoints are compared here. It opens no section of an actor that is not its own.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const share = new ShareFold(new RecordedRun(reader, traces), { actors: ['mm:1'], index: 0, count: 1 });
 * share.segment(0).misfit; // null
 * ```
 */
export class ShareFold {
  readonly #run: RecordedRun;
  readonly #share: Share;
  readonly #actors = new Map<string, HostedActor>();
  readonly #checkpoints: readonly CheckpointEntry[];
  #checkpointAt = 0;
  readonly #writer = new ReportWriter();
  readonly #hasher = new PayloadHasher();
  readonly #ruleWords: RuleWords;
  #misfit: Misfit | null = null;
  #thrown: Thrown | null = null;

  constructor(run: RecordedRun, share: Share) {
    this.#run = run;
    this.#share = share;
    this.#checkpoints = run.reader.checkpoints();
    this.#ruleWords = new RuleWords(faultPlanOf(run.meta.topology));
    for (const id of share.actors) {
      this.#actors.set(id, { id, ...run.adapted(id), state: run.live(id, run.initial(id)) });
    }
  }

  /** Folds on over the next segment. Where something does not fit, the fold ends. */
  segment(index: number): ShareReport {
    const { reader } = this.#run;
    const entry = reader.directory.segments[index];
    invariant(entry !== undefined, `there is a segment ${index}`);
    const lastSeq = entry.firstSeq + entry.records - 1;
    const records = reader.stream(index, (actor) => this.#actors.has(actor));
    for (let record = records.next(); record !== null; record = records.next()) {
      this.#compareBefore(record.seq);
      if (this.#misfit !== null || this.#thrown !== null) break;
      this.#fold(record);
    }
    this.#compareBefore(lastSeq + 1);
    if (index % this.#share.count === this.#share.index) this.#checkLink(index, lastSeq);
    return this.#writer.take({ misfit: this.#misfit, thrown: this.#thrown });
  }

  /** The states that the actors have come to. */
  states(): { readonly actor: string; readonly state: PlainState }[] {
    return [...this.#actors.values()].map(({ id, state }) => ({ actor: id, state: plainState(state.snapshot) }));
  }

  #checkLink(segment: number, lastSeq: number): void {
    const { reader } = this.#run;
    const hash = reader.chain(segment, reader.chainBefore(segment));
    if (hashHex(hash) !== hashHex(reader.chainStored(segment))) this.#note(lastSeq, 'the hash chain breaks here');
  }

  /** Lets the receiver handle a record. */
  #fold(record: StreamedRecord): void {
    const actor = this.#actors.get(record.to);
    invariant(actor !== undefined, `${record.to} is of this share`);
    const writer = this.#writer;
    writer.push(record.seq);
    writer.push(record.timeCycles);
    writer.push(record.cause);
    writer.push(writer.nameOf(record.to));
    writer.push(writer.nameOf(record.from));
    writer.push(writer.nameOf(record.type));
    const recorded = record.takeMessage();
    writer.push(recorded === null ? this.#hasher.ofPayload(record.payload) : this.#hasher.ofMessage(recorded));
    const countAt = writer.length;
    writer.push(0);
    // As in the loop: an actor in a final state handles nothing.
    if (!actor.state.isActive) return;
    try {
      const sends = this.#handled(actor, recorded ?? messageIn(record), record.seq);
      for (const send of sends) this.#report(send, record);
      writer.set(countAt, sends.length);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      this.#note(record.seq, error.message);
    }
  }

  #handled(actor: HostedActor, message: Message, seq: number): readonly Send[] {
    try {
      return handleMessage(actor, message, seq);
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      const { code, message: what, where } = error;
      this.#thrown = { seq, code, message: what, where };
      return [];
    }
  }

  #report(send: Send, { seq, to: from }: StreamedRecord): void {
    const writer = this.#writer;
    const { rules } = this.#ruleWords;
    if (send.kind === 'cancel') {
      for (const word of [-1, 0, 0, 0, writer.nameOf(send.sendId), 0]) writer.push(word);
      for (let at = 0; at < rules.length; at++) writer.push(0);
      return;
    }
    const { to, message, delayCycles, sendId, isTimer } = send;
    if (!this.#run.accepts(to, message.type)) this.#note(seq, `${to} takes no ${message.type}`);
    writer.push(writer.nameOf(to));
    writer.push(writer.nameOf(message.type));
    writer.push(delayCycles);
    writer.push(this.#hasher.ofMessage(message));
    writer.push(sendId === null ? -1 : writer.nameOf(sendId));
    writer.push(isTimer ? 1 : 0);
    if (rules.length === 0) return;
    const outgoing = { from, to, message, delayCycles, sendId };
    for (const word of this.#ruleWords.of(outgoing, this.#hasher)) writer.push(word);
  }

  /** Compares the states of checkpoints that lie before a record. */
  #compareBefore(seq: number): void {
    for (;;) {
      const entry = this.#checkpoints[this.#checkpointAt];
      if (entry === undefined || entry.seq >= seq) return;
      this.#checkpointAt++;
      for (const stored of this.#run.reader.storedStates(entry, (id) => this.#actors.has(id))) {
        const folded = this.#actors.get(stored.actor);
        const own = folded === undefined ? null : storedForm(stored, folded.state.snapshot);
        if (differenceFrom(stored, own, this.#run.standIn(stored.actor)) !== null)
          this.#note(entry.seq, `the state of ${stored.actor} differs`);
      }
    }
  }

  /** Keeps the first thing that does not fit. */
  #note(seq: number, what: string): void {
    this.#misfit ??= { seq, what };
  }
}
