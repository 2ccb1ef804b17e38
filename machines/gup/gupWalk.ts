/**
 * The fast walk of a holder (`mm/gup.c:gup_fast_pte_range`): read the entry, take a reference to its folio, read the entry and
 * the table above it again, and keep the page only if nothing has changed. Around all of it stands `write_protect_seq`.
 *
 * @models S-09
 */
import { defaultPinChoices } from '../../src/arch/pinChoices.ts';
import { addHeld, type HeldPin } from '../../src/mm/gup/held.ts';
import { fastEntry, fastFolioAllowed, mustUnshare } from '../../src/mm/gup/rules.ts';
import { hasFlags, PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import type { GupContext, GupWork } from './gupState.ts';

/**
 * The address of a holder.
 *
 * @example
 * ```ts
 * holderOf({ name: 'io_uring' }); // 'gup:io_uring'
 * ```
 */
export function holderOf({ name }: Pick<GupContext, 'name'>): string {
  return `gup:${name}`;
}

function sample(context: GupContext, work: GupWork, phase: 'sampling' | 'checking', send: Send): GupContext {
  const request = context.nextRequest;
  send(mmOf(work.message.pid), { type: 'READ_PROTECT_SEQ', sender: holderOf(context), request });
  return { ...context, work, phase, awaits: request, nextRequest: request + 1 };
}

function load(context: GupContext, work: GupWork, step: GupWork['step'], send: Send): GupContext {
  const request = context.nextRequest;
  send(mmuOf(work.message.pid), { type: 'GUP_WALK', sender: holderOf(context), request, va: work.va, step });
  return { ...context, work: { ...work, step }, phase: 'walking', awaits: request, nextRequest: request + 1 };
}

/**
 * Begins the fast way.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const wish = { addr: 0, lengthBytes: 1, write: true, longterm: false, force: false, fast: true };
 * const message = { type: 'GUP_PIN' as const, sender: '', request: 0, pid: 1, ...wish };
 * const nothing = { pfn: 0, flags: 0, kind: '', owner: '', taken: [] };
 * const work = { message, va: 0, endVa: 4096, seq: 0, step: 'pmd' as const, ...nothing };
 * beginWalk(initialGup({ resources, name: 'a', kernelPageBytes: 4096 }), work, () => {}).phase; // 'sampling'
 * ```
 */
export function beginWalk(context: GupContext, work: GupWork, send: Send): GupContext {
  return sample(context, work, 'sampling', send);
}

/**
 * The sequence is known. Before the walk: odd, and a fork is under way (`slow`), or the walk begins. After it: another one, and
 * everything is given back, or what was taken is `kept`.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const wish = { addr: 0, lengthBytes: 1, write: true, longterm: false, force: false, fast: true };
 * const message = { type: 'GUP_PIN' as const, sender: '', request: 0, pid: 1, ...wish };
 * const nothing = { pfn: 0, flags: 0, kind: '', owner: '', taken: [] };
 * const work = { message, va: 0, endVa: 4096, seq: 0, step: 'pmd' as const, ...nothing };
 * const begun = beginWalk(initialGup({ resources, name: 'a', kernelPageBytes: 4096 }), work, () => {});
 * sequenceRead(begun, 1, () => {}).verdict; // 'slow'
 * sequenceRead(begun, 2, () => {}).verdict; // 'goes-on'
 * ```
 */
export function sequenceRead(
  context: GupContext,
  seq: number,
  send: Send,
): { state: GupContext; verdict: 'slow' | 'kept' | 'goes-on' } {
  const work = context.work as GupWork;
  const checked = (context.resources.design.pins ?? defaultPinChoices).forkSequence === 'checked';
  if (context.phase === 'sampling') {
    if (checked && seq % 2 === 1) return { state: context, verdict: 'slow' };
    return { state: load(context, { ...work, seq }, 'pmd', send), verdict: 'goes-on' };
  }
  if (!checked || seq === work.seq) return { state: context, verdict: 'kept' };
  // gup_fast_unpin_user_pages: all of it, from the beginning.
  const request = context.nextRequest;
  const runs = work.taken.map(({ pfn, nr }) => ({ pfn, nr }));
  send('zone', { type: 'UNPIN', sender: holderOf(context), request, runs });
  const va = work.taken[0].va;
  const undone = { ...work, va, taken: [] };
  const counts = { undone: context.undone + 1, awaits: request, nextRequest: request + 1 };
  return { state: { ...context, ...counts, work: undone, phase: 'undoing' }, verdict: 'goes-on' };
}

/** The reference to a page that must not be kept goes back. */
function drop(context: GupContext, work: GupWork, send: Send): GupContext {
  const request = context.nextRequest;
  send('zone', { type: 'UNPIN', sender: holderOf(context), request, runs: [{ pfn: work.pfn, nr: 1 }] });
  return { ...context, phase: 'dropping', awaits: request, nextRequest: request + 1 };
}

/** The entry has not changed: the last checks, which need the folio. */
function takePage(context: GupContext, work: GupWork, send: Send): { state: GupContext; over: boolean } {
  const { message, pfn, flags, va, kind, owner } = work;
  const anon = hasFlags(flags, PTE.ANON);
  const allowed = fastFolioAllowed({ anon: kind === 'anon', shmem: owner === 'shmem' }, message);
  if (!allowed || mustUnshare(flags, message, null)) return { state: drop(context, work, send), over: false };
  const { pid, write, longterm } = message;
  const pin: HeldPin = { pid, va, pfn, nr: 1, anon, write, longterm };
  const taken = addHeld(work.taken, [pin], context.kernelPageBytes);
  const after = { ...work, taken, va: va + context.kernelPageBytes };
  if (after.va >= after.endVa) return { state: { ...context, work: after }, over: true };
  return { state: load(context, after, 'pmd', send), over: false };
}

/**
 * A load has come back; `over` where the walk ends with it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const wish = { addr: 0, lengthBytes: 1, write: true, longterm: false, force: false, fast: true };
 * const message = { type: 'GUP_PIN' as const, sender: '', request: 0, pid: 1, ...wish };
 * const nothing = { pfn: 0, flags: 0, kind: '', owner: '', taken: [] };
 * const work = { message, va: 0, endVa: 4096, seq: 0, step: 'pmd' as const, ...nothing };
 * const begun = beginWalk(initialGup({ resources, name: 'a', kernelPageBytes: 4096 }), work, () => {});
 * const walking = sequenceRead(begun, 0, () => {}).state;
 * entered(walking, { type: 'GUP_ENTRY', request: 2, pfn: 0, flags: 0, sameTable: false }, () => {}).over; // true
 * ```
 */
export function entered(
  context: GupContext,
  event: MessageOf<'GUP_ENTRY'>,
  send: Send,
): { state: GupContext; over: boolean } {
  const work = context.work as GupWork;
  const { pfn, flags, sameTable } = event;
  if (work.step === 'pmd') {
    return sameTable ? { state: load(context, work, 'pte', send), over: false } : { state: context, over: true };
  }
  if (work.step === 'pte') {
    if (!sameTable || fastEntry(flags, work.message) !== '') return { state: context, over: true };
    const request = context.nextRequest;
    const longterm = work.message.longterm ? { longterm: true as const } : {};
    send('zone', { type: 'TRY_GRAB', sender: holderOf(context), request, runs: [{ pfn, nr: 1 }], ...longterm });
    const read = { ...work, pfn, flags };
    return {
      state: { ...context, work: read, phase: 'grabbing', awaits: request, nextRequest: request + 1 },
      over: false,
    };
  }
  if (sameTable && pfn === work.pfn && flags === work.flags) return takePage(context, work, send);
  return { state: drop({ ...context, changed: context.changed + 1 }, work, send), over: false };
}

/**
 * The zone has counted the reference, or there is no folio there any more.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const idle = initialGup({ resources, name: 'a', kernelPageBytes: 4096 });
 * grabbed(idle, { type: 'GRABBED', request: 1, ok: false, kind: '', owner: '' }, () => {}).over; // true
 * ```
 */
export function grabbed(
  context: GupContext,
  event: MessageOf<'GRABBED'>,
  send: Send,
): { state: GupContext; over: boolean } {
  if (!event.ok) return { state: context, over: true };
  const { kind, owner } = event;
  const work = { ...(context.work as GupWork), kind, owner };
  return { state: load(context, work, 'again', send), over: false };
}

/**
 * Interrupts on again; the sequence is read once more where anything was taken.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const wish = { addr: 0, lengthBytes: 1, write: true, longterm: false, force: false, fast: true };
 * const message = { type: 'GUP_PIN' as const, sender: '', request: 0, pid: 1, ...wish };
 * const nothing = { pfn: 0, flags: 0, kind: '', owner: '', taken: [] };
 * const work = { message, va: 0, endVa: 4096, seq: 0, step: 'pmd' as const, ...nothing };
 * const walking = { ...initialGup({ resources, name: 'a', kernelPageBytes: 4096 }), work, phase: 'walking' as const };
 * leaveWalk(walking, () => {}).phase; // 'walking'
 * ```
 */
export function leaveWalk(context: GupContext, send: Send): GupContext {
  const work = context.work as GupWork;
  const { va, message, taken } = work;
  send(mmuOf(message.pid), { type: 'GUP_WALK', sender: holderOf(context), request: 0, va, step: 'leave' });
  return taken.length === 0 ? context : sample(context, work, 'checking', send);
}
