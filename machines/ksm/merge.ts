/**
 * What ksmd does with one unit (`mm/ksm.c:cmp_and_merge_page`): is it merged already, has it changed since the last pass, is there
 * a page like it? Then it is write-protected, compared once more, and its entries are exchanged for those of the page that is
 * kept (`try_to_merge_one_page`: `write_protect_page`, `replace_page`).
 *
 * @models S-48 D-07
 */
import { invariant } from '../../src/errors.ts';
import { keyOf, valuesOf } from '../../src/mm/ksm/contents.ts';
import { joined, type KsmItem, mmIn, stableMatch, takenOut, withItem } from '../../src/mm/ksm/trees.ts';
import { PTE } from '../../src/mm/pte.ts';
import { mmOf, mmuOf } from '../addresses.ts';
import type { Message, MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import type { PteChange } from '../walkers/messages.ts';
import { nextUnit } from './scan.ts';
import { askFor, type KsmContext, type KsmJob, type KsmMerge, type KsmUnit, pruned } from './state.ts';

type Step = (context: KsmContext, job: KsmJob, event: Message, send: Send) => KsmContext;

function checksumOf(context: KsmContext, pid: number, va: number, nr: number): string {
  const contents = mmIn(context.trees, pid)?.contents ?? {};
  return keyOf(valuesOf(contents, va / context.kernelPageBytes, nr), `${pid}:${va}`);
}

function itemOf(context: KsmContext, { pid, va, nr }: Pick<KsmUnit, 'pid' | 'va' | 'nr'>): KsmItem {
  const known = mmIn(context.trees, pid)?.items[va];
  if (known?.nr === nr) return known;
  return { va, nr, checksum: '', seen: context.trees.pass, tree: 'none', node: -1 };
}

function keep(context: KsmContext, pid: number, item: KsmItem): KsmContext {
  return { ...context, trees: withItem(context.trees, pid, item) };
}

/** Whether the unit still maps the node that it joined. */
function isMerged({ trees }: KsmContext, item: KsmItem, unit: KsmUnit): boolean {
  const node = trees.stable.find(({ pfn }) => pfn === item.node);
  return node !== undefined && unit.pfn >= node.pfn && unit.pfn + unit.nr <= node.pfn + node.nr;
}

/**
 * Looks at one unit.
 *
 * @example
 * ```ts
 * const ksm = initialKsm({ resources: null, kernelPageBytes: 4096, zeroPfn: 0, settings: ksmSchema.parse({}) });
 * const job = { awaits: 0, step: '', left: 0, pid: 7, ranges: [], pageBytes: 4096, units: [], merge: null };
 * const over = { ...job, ranges: [{ startVa: 0, endVa: 4096, protection: 1 }] };
 * const runs = [{ va: 4096, pfn: 64, nr: 1, flags: PTE.VALID | PTE.ANON }];
 * const entered = { ...ksm, trees: withMm(ksm.trees, { pid: 7, contents: {}, items: {} }) };
 * const unit = { pid: 7, va: 4096, nr: 1, pfn: 64, runs, protection: 9 };
 * compareUnit(entered, over, unit, () => {}).trees.mms[0]?.items[4096]?.tree; // 'none'
 * ```
 */
export function compareUnit(before: KsmContext, job: KsmJob, unit: KsmUnit, send: Send): KsmContext {
  const { pid } = unit;
  if (mmIn(before.trees, pid) === null) return nextUnit(before, job, send);
  const met = { ...itemOf(before, unit), seen: before.trees.pass };
  if (met.tree === 'stable' && isMerged(before, met, unit)) return nextUnit(keep(before, pid, met), job, send);
  // It was written since: its own page again (`remove_rmap_item_from_tree`).
  const zeroPages = before.zeroPages - (met.tree === 'zero' ? met.nr : 0);
  const out = pruned({ ...before, zeroPages }, takenOut(before.trees, pid, met), send);
  const item: KsmItem = { ...met, tree: 'none', node: -1 };
  const checksum = checksumOf(out, pid, unit.va, unit.nr);
  if (checksum !== item.checksum) return nextUnit(keep(out, pid, { ...item, checksum }), job, send);
  const context = keep(out, pid, item);
  const { settings, trees } = context;
  const merge = { checksum, unit, kept: null, holds: false };
  const values = valuesOf(mmIn(trees, pid)?.contents ?? {}, unit.va / context.kernelPageBytes, unit.nr);
  if (settings.useZeroPages && values.every((value) => value === 0)) {
    return protect(context, { ...job, merge: { ...merge, target: { kind: 'zero', pfn: context.zeroPfn } } }, send);
  }
  const match = stableMatch(trees, values, checksum, settings);
  if (match !== null) {
    const target = { kind: 'stable' as const, pfn: match.pfn, node: match.node.pfn };
    return protect(context, { ...job, merge: { ...merge, target } }, send);
  }
  const other = trees.unstable[checksum];
  const isItself = other === undefined || (other.pid === pid && other.va === unit.va) || other.pfn === unit.pfn;
  if (isItself) {
    const { va, nr, pfn } = unit;
    const unstable = { ...trees.unstable, [checksum]: { pid, va, nr, pfn } };
    const inserted = { ...context, trees: { ...trees, unstable } };
    return nextUnit(keep(inserted, pid, { ...item, tree: 'unstable' }), job, send);
  }
  // `get_mergeable_page`: the other one as it is now. This unit is kept, and the other gives its frames up.
  const two: KsmMerge = { ...merge, target: { kind: 'two', other }, kept: unit };
  return walkOther(context, { ...job, merge: two }, send);
}

function mergeOf(job: KsmJob): KsmMerge {
  invariant(job.merge !== null, 'a step of a merge is part of one');
  return job.merge;
}

/** A merge comes to nothing: what is write-protected stays so until it is written. */
function giveUp(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const { kept, holds } = mergeOf(job);
  if (holds && kept !== null) send('zone', { type: 'PUT', runs: [{ pfn: kept.pfn, nr: kept.nr }] });
  return nextUnit({ ...context, failed: context.failed + 1 }, { ...job, merge: null }, send);
}

function walkOther(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const { target } = mergeOf(job);
  invariant(target.kind === 'two', 'there is another unit');
  const { pid, va, nr } = target.other;
  const range = { startVa: va, endVa: va + nr * context.kernelPageBytes };
  const walk = (request: number): Message => ({ type: 'PAGEWALK', sender: 'ksmd', request, ...range });
  return askFor(context, job, 'otherWalked', mmuOf(pid), walk, send);
}

/** The entries as they are once nobody may write, and no page is exclusive any more. */
function protectedRuns({ runs }: KsmUnit): KsmUnit['runs'] {
  const off = PTE.WRITE | PTE.EXCLUSIVE;
  return runs.map((run) => ({ ...run, flags: (run.flags & ~off) | PTE.READONLY }));
}

/** `write_protect_page`. */
function protect(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const { unit, kept, holds } = mergeOf(job);
  const what = kept !== null && !holds ? kept : unit;
  const after = protectedRuns(what);
  const changes = what.runs.map(({ va, pfn, nr, flags }, at): PteChange => {
    return { va, nr, expects: { pfn, flags }, to: { pfn, flags: after[at].flags }, keepAge: true };
  });
  const message = (request: number): Message => ({ type: 'REPLACE_PTES', sender: 'ksmd', request, changes });
  return askFor(context, job, 'protected', mmOf(what.pid), message, send);
}

function replaced(event: Message): MessageOf<'REPLACED'> {
  invariant(event.type === 'REPLACED', 'an exchange of entries is answered with what was there');
  return event;
}

function noteFallback(context: KsmContext, { fallback }: MessageOf<'REPLACED'>): KsmContext {
  return fallback === '' ? context : { ...context, fallbacks: context.fallbacks + 1 };
}

/** References for the entries that are to come, or for the node. */
function getPages(context: KsmContext, job: KsmJob, step: string, pfn: number, nr: number, send: Send): KsmContext {
  const get = (request: number): Message => ({ type: 'GET', sender: 'ksmd', request, runs: [{ pfn, nr }] });
  return askFor(context, job, step, 'zone', get, send);
}

/** `pages_identical`, on what the two hold now. */
function stillAlike(context: KsmContext, { checksum, unit, kept }: KsmMerge): boolean {
  const units = kept === null ? [unit] : [unit, kept];
  return units.every(({ pid, va, nr }) => checksumOf(context, pid, va, nr) === checksum);
}

/** `replace_page`: the entries of the unit become those of the page that is kept. */
function replaceEntries(context: KsmContext, job: KsmJob, pfn: number, flags: number, send: Send): KsmContext {
  const { unit } = mergeOf(job);
  const page = context.kernelPageBytes;
  const changes = protectedRuns(unit).map((run): PteChange => {
    const to = { pfn: pfn + (run.va - unit.va) / page, flags };
    return { va: run.va, nr: run.nr, expects: { pfn: run.pfn, flags: run.flags }, to };
  });
  const message = (request: number): Message => ({ type: 'REPLACE_PTES', sender: 'ksmd', request, changes });
  return askFor(context, job, 'replaced', mmOf(unit.pid), message, send);
}

/** Nobody may write to the unit that is to go: is it pinned, and is it still what was compared? */
function checkUnit(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const pfns = [mergeOf(job).unit.pfn];
  const query = (request: number): Message => ({ type: 'FOLIO_QUERY', sender: 'ksmd', request, pfns });
  return askFor(context, job, 'checked', 'zone', query, send);
}

/** The frames that the unit gets, and the stable node that they are of. */
function keptFrames(context: KsmContext, { target, kept }: KsmMerge): { pfn: number; exists: boolean } {
  if (target.kind === 'zero') return { pfn: target.pfn, exists: true };
  if (target.kind === 'two') return { pfn: kept?.pfn ?? 0, exists: true };
  return { pfn: target.pfn, exists: context.trees.stable.some(({ pfn }) => pfn === target.node) };
}

/** The unit is merged: it joins the node, which in a merge of two begins with both. */
function settle(context: KsmContext, job: KsmJob, send: Send): KsmContext {
  const { target, unit, kept, checksum } = mergeOf(job);
  const item = itemOf(context, unit);
  const done = { ...context, merges: context.merges + 1 };
  const next = { ...job, merge: null };
  if (target.kind === 'zero') {
    const zeroed = keep(done, unit.pid, { ...item, checksum, tree: 'zero' });
    return nextUnit({ ...zeroed, zeroPages: done.zeroPages + unit.nr }, next, send);
  }
  if (target.kind === 'stable') {
    return nextUnit({ ...done, trees: joined(done.trees, unit.pid, item, target.node) }, next, send);
  }
  invariant(kept !== null, 'one of two is kept');
  const mm = mmIn(done.trees, kept.pid);
  const values = valuesOf(mm?.contents ?? {}, kept.va / context.kernelPageBytes, kept.nr).map((value) => value ?? 0);
  const node = { pfn: kept.pfn, nr: kept.nr, values, checksum, mappedPages: 0, sharers: 0 };
  const { [checksum]: _, ...unstable } = done.trees.unstable;
  const withNode = { ...done.trees, unstable, stable: [...done.trees.stable, node] };
  const first = joined(withNode, kept.pid, itemOf(context, kept), node.pfn);
  const both = joined(first, unit.pid, item, node.pfn);
  if (both.stable.some(({ pfn, sharers }) => pfn === node.pfn && sharers > 0)) {
    return nextUnit({ ...done, trees: both }, next, send);
  }
  // Both processes are gone meanwhile.
  const stable = both.stable.filter(({ pfn }) => pfn !== node.pfn);
  return nextUnit(
    pruned(done, { trees: { ...both, stable }, freed: [{ pfn: node.pfn, nr: node.nr }] }, send),
    next,
    send,
  );
}

/** The steps of a merge, by the name that the batch waits under. */
export const mergeSteps: Record<string, Step> = {
  otherWalked: (context, job, event, send) => {
    invariant(event.type === 'WALKED', 'an MMU answers with the entries');
    const merge = mergeOf(job);
    const { target, kept } = merge;
    invariant(target.kind === 'two' && kept !== null, 'two units are merged');
    const { other } = target;
    const { runs } = event;
    const [first] = runs;
    const whole = first !== undefined && runs.reduce((sum, run) => sum + run.nr, 0) === other.nr;
    const asBefore = whole && first.pfn === other.pfn && runs.every(({ flags }) => (flags & PTE.VALID) !== 0);
    if (!asBefore || other.nr !== kept.nr) return giveUp(context, job, send);
    const unit: KsmUnit = { ...kept, pid: other.pid, va: other.va, pfn: other.pfn, runs };
    return protect(context, { ...job, merge: { ...merge, unit } }, send);
  },

  protected: (before, job, event, send) => {
    const done = replaced(event);
    const context = noteFallback(before, done);
    const merge = mergeOf(job);
    if (done.missed.length > 0) return giveUp(context, job, send);
    if (merge.kept === null || merge.holds) return checkUnit(context, job, send);
    // From now on a write to the page that is kept copies it: ksmd has it too.
    const runs = [{ pfn: merge.kept.pfn, nr: merge.kept.nr }];
    const tryGet = (request: number): Message => ({ type: 'TRY_GET', sender: 'ksmd', request, runs });
    return askFor(context, job, 'held', 'zone', tryGet, send);
  },

  /** Faults that were under way before are over when the mm answers, and none can reuse the page any more. */
  held: (context, job, event, send) => {
    invariant(event.type === 'GET_TRIED', 'the zone says whether it gave references');
    const merge = mergeOf(job);
    const { kept } = merge;
    invariant(kept !== null, 'one of two is kept');
    if (!event.got) return giveUp(context, job, send);
    const query = (request: number): Message => ({ type: 'MM_QUERY', sender: 'ksmd', request });
    const holding = { ...job, merge: { ...merge, holds: true } };
    return askFor(context, holding, 'quiet', mmOf(kept.pid), query, send);
  },

  quiet: (context, job, _event, send) => {
    const { kept } = mergeOf(job);
    invariant(kept !== null, 'one of two is kept');
    const range = { startVa: kept.va, endVa: kept.va + kept.nr * context.kernelPageBytes };
    const walk = (request: number): Message => ({ type: 'PAGEWALK', sender: 'ksmd', request, ...range });
    return askFor(context, job, 'keptWalked', mmuOf(kept.pid), walk, send);
  },

  keptWalked: (context, job, event, send) => {
    invariant(event.type === 'WALKED', 'an MMU answers with the entries');
    const { kept } = mergeOf(job);
    invariant(kept !== null, 'one of two is kept');
    const [first] = event.runs;
    const unwritten = event.runs.every(({ flags }) => (flags & (PTE.WRITE | PTE.VALID)) === PTE.VALID);
    if (first?.pfn !== kept.pfn || !unwritten) return giveUp(context, job, send);
    return protect(context, job, send);
  },

  checked: (context, job, event, send) => {
    invariant(event.type === 'FOLIOS', 'the zone answers with folios');
    const merge = mergeOf(job);
    const [folio] = event.folios;
    const { pfn, exists } = keptFrames(context, merge);
    if (folio === null || folio.pins > 0 || !exists || !stillAlike(context, merge)) return giveUp(context, job, send);
    const { target, unit } = merge;
    if (target.kind !== 'zero') return getPages(context, job, 'got', pfn, unit.nr, send);
    const special = unit.nr === 1 ? PTE.SPECIAL : 0;
    return replaceEntries(context, job, pfn, unit.protection | PTE.YOUNG | special, send);
  },

  got: (context, job, _event, send) => {
    const merge = mergeOf(job);
    const { pfn, exists } = keptFrames(context, merge);
    if (!exists || !stillAlike(context, merge)) {
      send('zone', { type: 'PUT', runs: [{ pfn, nr: merge.unit.nr }] });
      return giveUp(context, job, send);
    }
    return replaceEntries(context, job, pfn, merge.unit.protection | PTE.YOUNG | PTE.ANON, send);
  },

  replaced: (before, job, event, send) => {
    const done = replaced(event);
    const context = noteFallback(before, done);
    const { target } = mergeOf(job);
    const freed = done.replaced.map(({ pfn, nr }) => ({ pfn, nr }));
    const unused = target.kind === 'zero' ? [] : done.missed.map(({ pfn, nr }) => ({ pfn, nr }));
    if (freed.length + unused.length > 0) send('zone', { type: 'PUT', runs: [...freed, ...unused] });
    return done.missed.length > 0 ? giveUp(context, job, send) : settle(context, job, send);
  },
};
