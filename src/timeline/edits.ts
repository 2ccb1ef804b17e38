/** What a fork changes: pending messages, the choice of the next one, settings, and what it sends from outside. */
import { GranuleError } from '../errors.ts';
import type { Chooser } from '../runtime/chooser.ts';
import type { Envelope, Message } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import type { OpenedMeta } from '../topology/meta.ts';
import { chooserOf } from '../topology/run.ts';
import type { Topology } from '../topology/schema.ts';
import { type OutsideSend, sendFrom, sendsOf } from './outside.ts';
import { type Era, type SettingChange, withSettings } from './settings.ts';

/** The delivery in the parent of a message that a fork changes: for people, since the envelope's id names it. */
export interface ChangedDelivery {
  readonly seq: number;
  readonly from: string;
  readonly to: string;
  readonly type: string;
}

/** One change of a message that waits once the record `afterSeq` was handled; `id` is that of its envelope. */
export type PendingEdit = { readonly afterSeq: number; readonly id: number; readonly was: ChangedDelivery } & (
  | { readonly op: 'drop' }
  | { readonly op: 'delay'; readonly delayCycles: number }
  | { readonly op: 'replace'; readonly message: Message }
);
/** Another message comes next than the chooser would choose. */
export interface ChoiceEdit {
  readonly afterSeq: number;
  readonly op: 'choose';
  readonly id: number;
  readonly was: Omit<ChangedDelivery, 'seq'>;
}
/** Settings that are others from there on; with `afterSeq` -1 the header's topology has them already. */
export interface SettingEdit {
  readonly afterSeq: number;
  readonly op: 'set';
  readonly changes: readonly SettingChange[];
}
/** One change as the header of a fork lists it. */
export type Edit = PendingEdit | ChoiceEdit | SettingEdit;

/** Where interventions reach the chooser of a run. */
export interface Steering {
  force(id: number): void;
  /** The settings of another topology hold, of which the chooser may be one. */
  follow(chooser: Chooser, kind: Topology['chooser']): void;
}

const OPS: ReadonlySet<unknown> = new Set(['drop', 'delay', 'replace', 'choose', 'set']);

function isEdit(value: unknown): value is Edit {
  if (typeof value !== 'object' || value === null || !('afterSeq' in value && 'op' in value)) return false;
  if (value.op === 'set') return 'changes' in value && Array.isArray(value.changes);
  return OPS.has(value.op) && 'id' in value;
}

/**
 * The changes that the header of a fork lists, in the order in which they are made.
 *
 * @throws GranuleError LOG_NOT_A_LOG where the list is malformed
 * @example
 * ```ts
 * editsOf({ parent: null }); // []
 * ```
 */
export function editsOf({ parent }: Pick<OpenedMeta, 'parent'>): readonly Edit[] {
  const edits = parent?.edits ?? [];
  if (Array.isArray(edits) && edits.every(isEdit)) return edits;
  throw new GranuleError('LOG_NOT_A_LOG', 'the changes that its header says a fork made are malformed', 'parent.edits');
}

/**
 * The topologies that hold one after the other in a run whose settings changed.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * const changes = [{ place: ['pageCache'], value: 'sticky-order' }];
 * erasOf(topology, [{ afterSeq: 9, op: 'set', changes }])[0]?.topology.pageCache; // 'sticky-order'
 * ```
 */
export function erasOf(topology: Topology, edits: readonly Edit[]): Era[] {
  const eras: Era[] = [];
  for (const edit of edits) {
    if (edit.op !== 'set' || edit.afterSeq < 0) continue;
    eras.push({
      afterSeq: edit.afterSeq,
      topology: withSettings(eras.at(-1)?.topology ?? topology, edit.changes),
    });
  }
  return eras;
}

function edited(envelope: Envelope, edit: PendingEdit): Envelope[] {
  if (edit.op === 'drop') return [];
  if (edit.op === 'replace') return [{ ...envelope, message: edit.message }];
  return [{ ...envelope, deliverCycles: envelope.deliverCycles + edit.delayCycles }];
}

/**
 * All that reaches a run from outside its topology, by the record behind which it does.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * new Interventions({ topology, parent: null }).eras; // []
 * ```
 */
export class Interventions {
  readonly edits: readonly Edit[];
  readonly sends: readonly OutsideSend[];
  /** The topologies that hold one after the other, behind that of the header. */
  readonly eras: readonly Era[];
  readonly #topology: Topology;
  readonly #seqs: ReadonlySet<number>;

  /** @throws GranuleError LOG_NOT_A_LOG */
  constructor(meta: Pick<OpenedMeta, 'topology' | 'parent'>) {
    this.edits = editsOf(meta);
    this.sends = sendsOf(meta);
    this.#topology = meta.topology;
    this.eras = erasOf(meta.topology, this.edits);
    this.#seqs = new Set([...this.edits, ...this.sends].map(({ afterSeq }) => afterSeq));
  }

  /** The topology whose settings hold while a record is handled. */
  topologyAt(seq: number): Topology {
    return this.eras.findLast(({ afterSeq }) => afterSeq < seq)?.topology ?? this.#topology;
  }

  /**
   * Intervenes behind a record: settings first, then messages that wait, then what is sent, then the choice.
   *
   * @throws GranuleError MESSAGE_NO_TAKER; FORK_CHANGE where a message to be changed does not wait
   */
  after(seq: number, system: System, steering: Steering): void {
    if (!this.#seqs.has(seq)) return;
    const edits = this.edits.filter(({ afterSeq }) => afterSeq === seq);
    const touchesChooser = edits.some(
      (edit) => edit.op === 'set' && edit.changes.some(({ place: [field] }) => field === 'chooser' || field === 'seed'),
    );
    if (touchesChooser) {
      const topology = this.topologyAt(seq + 1);
      steering.follow(chooserOf(topology), topology.chooser);
    }
    this.#revise(seq, system, edits);
    sendFrom(this.sends, seq, seq, system);
    for (const edit of edits) if (edit.op === 'choose') steering.force(edit.id);
  }

  #revise(seq: number, system: System, edits: readonly Edit[]): void {
    const state = system.checkpointState();
    let { pending } = state;
    for (const edit of edits) {
      if (edit.op === 'set' || edit.op === 'choose') continue;
      if (!pending.some(({ id }) => id === edit.id)) {
        throw new GranuleError('FORK_CHANGE', `envelope ${edit.id} does not wait there`, `after seq ${seq}`);
      }
      pending = pending.flatMap((envelope) => (envelope.id === edit.id ? edited(envelope, edit) : [envelope]));
    }
    if (pending !== state.pending) system.restore({ ...state, pending }, system.snapshots());
  }
}
