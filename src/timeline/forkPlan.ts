/** From what is asked of a fork to what its header lists: the messages that are meant are found, and each change is checked. */
import { GranuleError } from '../errors.ts';
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import { type Envelope, type Message, recordOf } from '../runtime/envelope.ts';
import { schemaFault } from '../topology/definitions/defineMessage.ts';
import { type Place, valueAt, withValue } from '../topology/places.ts';
import type { Edit, PendingEdit, SettingEdit } from './edits.ts';
import { resumedAt } from './fork.ts';
import type { OutsideSend } from './outside.ts';
import { readSetting } from './settings.ts';
import { type SystemView, viewOf } from './systemView.ts';

/**
 * A change of a fork. `seq` names a message by its delivery in the parent: it has to wait already where the fork begins.
 * `fields` of a replacement are those that change; a dotted name is a field of a field.
 */
export type ForkChange =
  | { readonly op: 'drop'; readonly seq: number }
  | { readonly op: 'delay'; readonly seq: number; readonly delayCycles: number }
  | { readonly op: 'replace'; readonly seq: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly op: 'send'; readonly to: string; readonly message: Message; readonly delayCycles?: number }
  | { readonly op: 'set'; readonly key: string; readonly value: unknown }
  | { readonly op: 'choose'; readonly index: number };

/** A message that could be delivered next. */
export interface ForkChoice {
  readonly index: number;
  readonly id: number;
  readonly to: string;
  readonly from: string;
  readonly type: string;
  readonly deliverCycles: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** What a fork does, as its header has it. */
export interface ForkPlan {
  readonly edits: readonly Edit[];
  readonly sends: readonly OutsideSend[];
}

/** A message that waits, and its delivery in the parent. */
interface Awaited {
  readonly envelope: Envelope;
  readonly seq: number;
}

function refuse(what: string, where: string): never {
  throw new GranuleError('FORK_CHANGE', what, where);
}

/**
 * Where a fork begins that was not told: before the first of the messages that it changes.
 *
 * @throws GranuleError USAGE where it changes none
 * @example
 * ```ts
 * beginningOf([{ op: 'drop', seq: 812 }, { op: 'delay', seq: 815, delayCycles: 9 }]); // 811
 * ```
 */
export function beginningOf(changes: readonly ForkChange[]): number {
  const seqs = changes.flatMap((change) => ('seq' in change ? [change.seq] : []));
  if (seqs.length > 0) return Math.min(...seqs) - 1;
  throw new GranuleError('USAGE', 'where the fork begins is missing', 'granule fork', 'Give --at SEQ.');
}

function resumed(view: SystemView, at: number, onDelivery: (seq: number, envelope: Envelope) => void) {
  const { interventions, built } = view.run;
  const tap = (seq: number, _: number, envelope: Envelope): void => onDelivery(seq, envelope);
  return resumedAt(view, at, { actors: built.actors, interventions, onDelivery: tap });
}

/**
 * What could be delivered next behind a record, in the order of sending.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING, TRACE_CHANGED, LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * choicesAt(reader, traces, -1)[0]?.type; // 'START'
 * ```
 */
export function choicesAt(reader: LogReader, traces: ReadonlyMap<number, RunSource>, at: number): ForkChoice[] {
  const view = viewOf(reader, traces);
  view.run.checkSeq(at);
  const { system } = resumed(view, at, () => undefined);
  return system.queueState().enabled.map((envelope, index) => {
    const { id, to, from, deliverCycles, message } = envelope;
    const { payload } = recordOf(envelope, 0, deliverCycles);
    return { index, id, to, from, type: message.type, deliverCycles, payload };
  });
}

/** The messages that the parent delivered as `seqs`, by seq, as they wait at `at`. */
function awaited(view: SystemView, at: number, seqs: readonly number[]): Map<number, Awaited> {
  const found = new Map<number, Awaited>();
  if (seqs.length === 0) return found;
  for (const seq of seqs) {
    view.run.checkSeq(seq);
    if (seq <= at) refuse(`event ${seq} was delivered already at seq ${at}`, `--at ${at}`);
    const { cause } = view.run.reader.read(seq);
    if (cause > at) {
      const instead = `it was sent by event ${cause}: fork at ${cause} to ${seq - 1}`;
      refuse(`the message of event ${seq} does not wait yet at seq ${at}; ${instead}`, `--at ${at}`);
    }
  }
  const delivered = new Map<number, number>();
  const { system, steering } = resumed(view, at, (seq, { id }) => delivered.set(seq, id));
  const { pending } = system.queueState();
  for (let next = at; next < Math.max(...seqs); next++) {
    view.run.interventions.after(next, system, steering);
    system.run({ untilSeq: next + 1 });
  }
  for (const seq of seqs) {
    const envelope = pending.find(({ id }) => id === delivered.get(seq));
    if (envelope === undefined) refuse(`the message of event ${seq} does not wait at seq ${at}`, `--at ${at}`);
    found.set(seq, { envelope, seq });
  }
  return found;
}

function replaced({ message }: Envelope, fields: Readonly<Record<string, unknown>>, where: string): Message {
  return Object.entries(fields).reduce<Message>((changed, [name, value]) => {
    const place: Place = name.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const before = valueAt(message, place);
    const known = Object.keys(message).filter((key) => key !== 'type');
    if (before === undefined || name === 'type') {
      return refuse(`${message.type} has no field ${name}; it has ${known.join(', ') || 'none'}`, where);
    }
    if (before !== null && value !== null && typeof before !== typeof value) {
      return refuse(`${name} of ${message.type} is a ${typeof before}, as in ${JSON.stringify(before)}`, where);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type is left as it is
    return withValue(changed, place, value) as Message;
  }, message);
}

function pendingEdit(
  change: Extract<ForkChange, { seq: number }>,
  at: number,
  { envelope, seq }: Awaited,
): PendingEdit {
  const { id, from, to, message } = envelope;
  const base = { afterSeq: at, id, was: { seq, from, to, type: message.type } };
  if (change.op === 'drop') return { ...base, op: 'drop' };
  if (change.op === 'delay') return { ...base, op: 'delay', delayCycles: change.delayCycles };
  return { ...base, op: 'replace', message: replaced(envelope, change.fields, `--replace ${seq}`) };
}

function checkedSend(view: SystemView, at: number, change: Extract<ForkChange, { op: 'send' }>): OutsideSend {
  const { to, message, delayCycles = 0 } = change;
  const { run } = view;
  const where = `--send ${message.type}`;
  if (!run.has(to)) refuse(`there is no actor ${to}`, where);
  if (!run.accepts(to, message.type)) refuse(`${to} takes no ${message.type}`, where);
  const own = run.catalogue.messages.get(message.type);
  const { type: _, ...fields } = message;
  const fault = own === undefined ? null : schemaFault(own.fields, fields, where);
  if (fault !== null) refuse(fault, where);
  return { afterSeq: at, to, message, delayCycles };
}

/**
 * Finds and checks what a fork changes behind the record `at`.
 *
 * @throws GranuleError FORK_CHANGE, FORK_SETTING, SEQ_OUT_OF_RANGE
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * planFork(viewOf(reader, traces), 8, [{ op: 'drop', seq: 9 }]).edits[0]?.op; // 'drop'
 * ```
 */
export function planFork(view: SystemView, at: number, changes: readonly ForkChange[]): ForkPlan {
  view.run.checkSeq(at);
  const waiting = awaited(
    view,
    at,
    changes.flatMap((change) => ('seq' in change ? [change.seq] : [])),
  );
  const topology = view.run.interventions.topologyAt(at + 1);
  const edits = changes.flatMap((change): Edit[] => {
    if ('seq' in change) {
      const found = waiting.get(change.seq);
      return found === undefined ? [] : [pendingEdit(change, at, found)];
    }
    if (change.op === 'set') {
      return [{ afterSeq: at, op: 'set', changes: readSetting(topology, change, at < 0) } satisfies SettingEdit];
    }
    if (change.op !== 'choose') return [];
    const choices = choicesAt(view.run.reader, view.run.traces, at);
    const choice = choices[change.index];
    if (choice === undefined) refuse(`there are choices 0 to ${choices.length - 1} there`, `--choice ${change.index}`);
    const { id, from, to, type } = choice;
    return [{ afterSeq: at, op: 'choose', id, was: { from, to, type } }];
  });
  const sends = changes.flatMap((change) => (change.op === 'send' ? [checkedSend(view, at, change)] : []));
  return { edits, sends };
}
