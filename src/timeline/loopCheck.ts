/**
 * The loop of a run without its actors: it is told what each of them received and sent, and holds the order, the times and the
 * payloads of all deliveries against each other with the queue, the wires and the clock that the run itself had.
 */
import { faultPlanOf } from '../topology/lifecycle.ts';
import type { CheckpointEntry } from '../log/directory.ts';
import { inOrderOfDelay, VirtualClock } from '../runtime/clock.ts';
import { type Message, NO_CAUSE, OUTSIDE } from '../runtime/envelope.ts';
import type { Outgoing } from '../runtime/faultPlan.ts';
import { hostActors } from '../runtime/hosting.ts';
import { PendingQueue } from '../runtime/queue.ts';
import type { SystemState } from '../runtime/systemOptions.ts';
import { Wires } from '../runtime/wires.ts';
import { SYSTEM_STATE } from '../topology/checkpointer.ts';
import { outsideInOrder, timekeepingOf } from '../topology/run.ts';
import { type OutsideSend, sendsOf } from './outside.ts';
import { PayloadHasher } from './payloadHash.ts';
import { type RecordedOrder, recordedOrder } from './recordedOrder.ts';
import type { RecordedRun } from './recordedRun.ts';
import { WordSight } from './ruleWords.ts';
import { RECORD_WORDS, SEND_WORDS } from './shareReport.ts';
import { sameValue } from './values.ts';

/**
 * Holds a run together. A message is here its type and the hash of its payload.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * new LoopCheck(new RecordedRun(reader, traces)).pending; // 1
 * ```
 */
export class LoopCheck {
  readonly #run: RecordedRun;
  readonly #queue = new PendingQueue();
  readonly #clock: VirtualClock;
  readonly #order: RecordedOrder;
  readonly #wires: Wires;
  readonly #hasher = new PayloadHasher();
  readonly #sight: WordSight;
  readonly #sends: readonly OutsideSend[];
  readonly #checkpoints: readonly CheckpointEntry[];
  /** What is wanted next: one object for all, since millions that live for one delivery would keep the collector busy. */
  readonly #wanted = { seq: 0, timeCycles: 0, to: '', from: '', cause: 0, type: '', payload: { hash: 0 } };
  #nextEnvelopeId = 0;
  #cause = NO_CAUSE;
  #nextSeq = 0;
  /** Checkpoints that lie before the next record. */
  checkpoints = 0;

  constructor(run: RecordedRun) {
    this.#run = run;
    const { reader, meta, built } = run;
    this.#clock = new VirtualClock(timekeepingOf(meta.topology));
    this.#order = recordedOrder(meta.topology.chooser);
    this.#sends = sendsOf(meta);
    this.#checkpoints = reader.checkpoints();
    const faultPlan = faultPlanOf(meta.topology);
    this.#sight = new WordSight(faultPlan, this.#hasher);
    this.#wires = new Wires(faultPlan, {
      enqueue: (outgoing, isHeldBack) => this.#put(outgoing, isHeldBack),
      nowCycles: () => this.#clock.nowCycles,
      nextSeq: () => this.#nextSeq,
      sight: this.#sight,
    });
    for (const [from, { sends }] of hostActors(built.actors).births) {
      for (const send of this.#ordered(sends)) {
        if (send.kind === 'cancel') this.#queue.cancel(from, send.sendId);
        else this.#send({ from, ...send, message: this.#sight.given(send.message) }, send.isTimer);
      }
    }
    for (const { to, atCycles, message } of outsideInOrder(meta.topology, built.messages))
      this.#sendOutside(to, message, atCycles);
    this.#sendAfter(reader.firstSeq - 1);
  }

  /** Records that were delivered. */
  get records(): number {
    return this.#nextSeq;
  }

  get nowCycles(): number {
    return this.#clock.nowCycles;
  }

  /** Messages that wait. */
  get pending(): number {
    return this.#queue.size;
  }

  /**
   * Delivers the next record, which stands at a place of a report, and sends what its handling sent. Says what does not fit;
   * null when all does.
   *
   * @throws GranuleError RUN_LIMIT where a send ends the run
   */
  deliver(words: Float64Array, at: number, names: readonly string[]): string | null {
    const seq = words[at];
    const timeCycles = words[at + 1];
    const to = names[words[at + 3]];
    const hash = words[at + 6];
    if (seq !== this.#nextSeq) return `seq ${this.#nextSeq} comes next`;
    if (seq >= this.#wires.endSeq) return 'its fault plan had ended the run';
    const wanted = this.#wanted;
    wanted.seq = seq;
    wanted.timeCycles = timeCycles;
    wanted.to = to;
    wanted.from = names[words[at + 4]];
    wanted.cause = words[at + 2];
    wanted.type = names[words[at + 5]];
    wanted.payload.hash = hash;
    this.#order.want(wanted);
    const envelope = this.#order.next(this.#queue);
    if (envelope === null) return 'no such message waits';
    if (envelope.message['hash'] !== hash) return 'the payload is another';
    this.#queue.remove(envelope);
    this.#clock.advanceTo(this.#clock.timeOf(envelope.deliverCycles));
    if (this.#clock.nowCycles !== timeCycles) return 'the time is another';
    this.#nextSeq++;
    this.#cause = seq;
    this.#sendAll(to, words, at, names);
    const entry = this.#checkpoints[this.checkpoints];
    if (entry?.seq === seq) {
      this.checkpoints++;
      if (!this.#isLoopState(entry)) return 'the state of the loop is another';
    }
    if (this.#sends.length > 0) this.#sendAfter(seq);
    return null;
  }

  #sendAll(from: string, words: Float64Array, at: number, names: readonly string[]): void {
    const sendWords = SEND_WORDS + this.#sight.words.rules.length;
    const start = at + RECORD_WORDS;
    const end = start + words[start - 1] * sendWords;
    if (this.#clock.countsDeliveries) {
      for (const place of this.#placesByDelay(words, start, end, sendWords)) this.#sendOne(from, words, place, names);
    } else for (let place = start; place < end; place += sendWords) this.#sendOne(from, words, place, names);
  }

  /** Sends, or cancels, what stands at a place of a report. */
  #sendOne(from: string, words: Float64Array, at: number, names: readonly string[]): void {
    const nameOfCancel = words[at + 4];
    const sendId = nameOfCancel < 0 ? null : names[nameOfCancel];
    if (words[at] < 0) {
      this.#queue.cancel(from, sendId ?? '');
      return;
    }
    const to = names[words[at]];
    const message = { type: names[words[at + 1]], hash: words[at + 3] };
    const looked = this.#sight.words.rules.length;
    const behind = at + SEND_WORDS;
    if (looked > 0) this.#sight.told(message, [...words.subarray(behind, behind + looked)]);
    this.#send({ from, to, message, delayCycles: words[at + 2], sendId }, words[at + 5] === 1);
  }

  /** Where the sends of one handling stand in a report, in the order in which a loop that counts deliveries takes them. */
  #placesByDelay(words: Float64Array, start: number, end: number, sendWords: number): number[] {
    const places: ({ at: number } & ({ kind: 'send'; delayCycles: number } | { kind: 'cancel' }))[] = [];
    for (let at = start; at < end; at += sendWords) {
      if (words[at] < 0) places.push({ at, kind: 'cancel' });
      else places.push({ at, kind: 'send', delayCycles: words[at + 2] });
    }
    return inOrderOfDelay(places).map(({ at }) => at);
  }

  #ordered<T extends Parameters<typeof inOrderOfDelay>[0][number]>(sends: readonly T[]): readonly T[] {
    return this.#clock.countsDeliveries ? inOrderOfDelay(sends) : sends;
  }

  #send(outgoing: Outgoing, isTimer: boolean): void {
    if (isTimer || this.#wires.isBare(outgoing.from)) this.#put(outgoing);
    else this.#wires.carry(outgoing);
  }

  #sendOutside(to: string, message: Message, delayCycles: number): void {
    this.#cause = NO_CAUSE;
    this.#send({ from: OUTSIDE, to, message: this.#sight.given(message), delayCycles, sendId: null }, false);
  }

  #sendAfter(seq: number): void {
    for (const { afterSeq, to, message, delayCycles } of this.#sends) {
      if (afterSeq === seq) this.#sendOutside(to, message, delayCycles);
    }
  }

  #put({ from, to, message, delayCycles, sendId }: Outgoing, isHeldBack = false): void {
    this.#queue.push({
      id: this.#nextEnvelopeId++,
      to,
      from,
      cause: this.#cause,
      sentCycles: this.#clock.nowCycles,
      deliverCycles: this.#clock.after(delayCycles, isHeldBack || from === to),
      message,
      sendId,
    });
  }

  #standIn(message: Message): Message {
    return { type: message.type, hash: this.#hasher.ofMessage(message) };
  }

  /** Compares all that a checkpoint says of the loop, but the chooser's own state, which a replay does not have. */
  #isLoopState(entry: CheckpointEntry): boolean {
    const [stored] = this.#run.reader.checkpointStates(entry, SYSTEM_STATE);
    if (stored === undefined || this.#order.isAmbiguous) return true;
    const { state } = stored;
    if (!isLoopState(state)) return false;
    const pending = state.pending.map((envelope) => ({ ...envelope, message: this.#standIn(envelope.message) }));
    const own: SystemState = {
      nowCycles: this.#clock.nowCycles,
      nextSeq: this.#nextSeq,
      nextEnvelopeId: this.#nextEnvelopeId,
      pending: this.#queue.pending(),
      chooser: state.chooser,
      faults: this.#wires.state(),
    };
    return sameValue({ ...state, pending }, own);
  }
}

function isLoopState(state: unknown): state is SystemState {
  if (typeof state !== 'object' || state === null || !('pending' in state) || !Array.isArray(state.pending))
    return false;
  return state.pending.every((envelope) => typeof envelope?.message?.type === 'string');
}
