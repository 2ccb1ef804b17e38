/**
 * An MMU's part in a change of table and granule under running threads (D-06, S-39). The safe order is: no CPU walks, nothing is
 * cached, what hardware noted is gathered, the tables change, the CPUs get the new root. Only there where a topology has
 * the field `liveFallback`; without it the change is one step, as it looks from afar.
 *
 * @models S-39 S-40 L-05 D-06
 */
import { defaultLiveFallback, type LiveFallbackChoices } from '../../src/arch/liveFallback.ts';
import { isWhole } from '../../src/mm/liveFallback/rebuild.ts';
import { mmuOf, tlbOf } from '../addresses.ts';
import type { MessageOf, TableRoot } from '../messages.ts';
import { type MmuContext, type TableMessage, walked } from '../mmuState.ts';
import { reviseMmu } from '../revise.ts';
import type { Send } from '../support.ts';

/** What an MMU keeps of its changes; absent where nobody asks for them. */
export interface LiveSwitch {
  /** CPUs that have not installed the reserved table yet. */
  waiting: number;
  /** All have: the tables may change. */
  reserved: boolean;
  /** Why the native table is given up. */
  reason: string;
  /** The process page that did not fit, -1 for none known: the first to look at before a return. */
  tornVa: number;
  fallbacks: number;
  returns: number;
  /** Walks of each table, and walks that hardware would have done in a table that is gone or with the wrong granule. */
  nativeWalks: number;
  linuxWalks: number;
  wrongWalks: number;
}

const NOTHING: LiveSwitch = {
  waiting: 0,
  reserved: false,
  reason: '',
  tornVa: -1,
  fallbacks: 0,
  returns: 0,
  nativeWalks: 0,
  linuxWalks: 0,
  wrongWalks: 0,
};

function choicesOf({ resources }: MmuContext): LiveFallbackChoices | null {
  return resources.design.liveFallback ?? null;
}

function revised(context: MmuContext, change: Partial<LiveSwitch>): MmuContext {
  const live = { ...(context.live ?? NOTHING), ...change };
  return reviseMmu(context, (draft) => {
    draft.live = live;
  });
}

/**
 * The table that a CPU would have to walk now.
 *
 * @example
 * ```ts
 * rootOf({ native: null }); // 'linux'
 * ```
 */
export function rootOf({ native }: Pick<MmuContext, 'native'>): TableRoot {
  return native === null ? 'linux' : 'native';
}

/**
 * What SET_TTBR says beside the granule where changes are modelled.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * installing(initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false })); // {}
 * ```
 */
export function installing(context: MmuContext): { root?: TableRoot; reserved?: true } {
  if (choicesOf(context) === null) return {};
  const { waiting, reserved } = context.live ?? NOTHING;
  return { root: rootOf(context), ...(waiting > 0 || reserved ? { reserved: true as const } : {}) };
}

/**
 * Notes a walk: which table it went through, and whether that is the one that is there.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * const walk = { walk: 1, pid: 1, cpu: 0, va: 0, access: 'read' as const, skipLevels: 0 };
 * noteWalk(mmu, { type: 'WALK', ...walk, root: 'native', granuleBytes: 65536 }).live?.wrongWalks; // 1
 * ```
 */
export function noteWalk(context: MmuContext, { root, granuleBytes }: MessageOf<'WALK'>): MmuContext {
  if (root === undefined) return context;
  const { nativeWalks, linuxWalks, wrongWalks } = context.live ?? NOTHING;
  const wrong = root !== rootOf(context) || granuleBytes !== walked(context).geometry.granuleBytes;
  if (wrong) return revised(context, { wrongWalks: wrongWalks + 1 });
  return revised(context, root === 'native' ? { nativeWalks: nativeWalks + 1 } : { linuxWalks: linuxWalks + 1 });
}

/**
 * Before the tables change: asks every CPU for the reserved table, unless that is done or the protocol does without. Null where
 * the tables may change at once.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 2, tlbRange: false });
 * reserveAll({ ...mmu, asid: 3 }, 'torn at 0x10000', () => {}); // null
 * ```
 */
export function reserveAll(context: MmuContext, reason: string, send: Send): MmuContext | null {
  const choices = choicesOf(context);
  const { reserved } = context.live ?? NOTHING;
  if (choices === null || choices.protocol === 'in-place' || reserved || context.asid === 0) return null;
  const { asid, cpus, pid } = context;
  const order = { type: 'TTBR0_RESERVE' as const, mmu: mmuOf(pid), asid, flush: choices.protocol !== 'no-flush' };
  for (let cpu = 0; cpu < cpus; cpu++) send(tlbOf(cpu), order, context.resources.costs.ipi);
  return revised(context, { waiting: cpus, reason });
}

/**
 * One CPU more walks no table; the last one makes it `reserved`.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * cpuReserved({ ...mmu, live: { waiting: 1 } }).live?.reserved; // true
 * ```
 */
export function cpuReserved(context: MmuContext): MmuContext {
  const waiting = (context.live?.waiting ?? 1) - 1;
  return revised(context, { waiting, reserved: waiting === 0 });
}

/** The address that a reason names, -1 for none. */
function tornAt(reason: string): number {
  const found = /at (0x[0-9a-f]+)$/.exec(reason);
  return found === null ? -1 : Number(found[1]);
}

/**
 * The tables have changed: every CPU gets the root. Answers whether the TLBs are still to be flushed; null where changes are
 * not modelled.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * installAll(mmu, () => {}); // null
 * ```
 */
export function installAll(context: MmuContext, send: Send): { state: MmuContext; flush: boolean } | null {
  const choices = choicesOf(context);
  if (choices === null) return null;
  const { pid, cpus, fallback } = context;
  const mmu = mmuOf(pid);
  const pageBytes = walked(context).geometry.granuleBytes;
  const { fallbacks, returns, tornVa } = context.live ?? NOTHING;
  const inPlace = choices.protocol === 'in-place';
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (inPlace) send(tlbOf(cpu), { type: 'TCR_TG0', mmu, pageBytes });
    send(tlbOf(cpu), { type: 'TTBR0_INSTALL', mmu, root: rootOf(context), pageBytes });
  }
  const counted =
    fallback === ''
      ? { returns: returns + 1 }
      : { fallbacks: fallbacks + 1, tornVa: tornAt(fallback) < 0 ? tornVa : tornAt(fallback) };
  return { state: revised(context, { waiting: 0, reserved: false, reason: '', ...counted }), flush: inPlace };
}

/** Operations after which a torn process page may be whole again. */
const MAY_MEND: ReadonlySet<string> = new Set(['SET_PTES', 'CLEAR_PTES', 'PROTECT_PTES', 'EXCHANGE_PTES', 'MOVE_PTES']);

/**
 * Whether a return to the native table is worth a try after an operation: the design wants it, and the page that was torn is
 * whole.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * mayReturn({ ...mmu, fallback: 'torn' }, { type: 'SET_PTES', request: 1, runs: [], expects: -1 }); // false
 * ```
 */
export function mayReturn(context: MmuContext, done: TableMessage): boolean {
  const { returnToNative } = choicesOf(context) ?? defaultLiveFallback;
  if (returnToNative === 'never' || context.fallback === '' || !MAY_MEND.has(done.type)) return false;
  // What is torn down needs no other table any more.
  if (done.type === 'CLEAR_PTES' && done.fullMm) return false;
  const { tornVa } = context.live ?? NOTHING;
  return tornVa < 0 || isWhole(context.linux, tornVa, context.pageBytes);
}

/**
 * Notes the process page that stands in the way of a return.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const mmu = initialMmu({ resources, pid: 1, kernelPageBytes: 4096, cpus: 1, tlbRange: false });
 * stillTorn(mmu, 0x10000).live?.tornVa; // 65536
 * ```
 */
export function stillTorn(context: MmuContext, tornVa: number): MmuContext {
  return revised(context, { tornVa });
}
