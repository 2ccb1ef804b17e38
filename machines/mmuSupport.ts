/** What the MMU machine works out before it acts: the operation a message asks for, frames for tables, and flushes. */
import { type Architecture, rangePlan } from '../src/arch/architectures.ts';
import { tlbiPlan } from '../src/arch/tlbi.ts';
import type { PageTable } from '../src/mm/pageTable.ts';
import type { TableOp, Tables, VaRange } from '../src/mm/tableOps.ts';
import type { TlbiRequest } from './messages.ts';
import type { TableMessage } from './mmuState.ts';

/** The end of user addresses: no layout of arm64 that is modelled has more than 48 bits. */
export const USER_END: number = 2 ** 48;

/** Folios of one order that are needed to hold page tables. */
export interface Allocation {
  orderPages: number;
  count: number;
}

const opNames = {
  SET_PTES: 'set',
  CLEAR_PTES: 'clear',
  PROTECT_PTES: 'protect',
  AGE_PTES: 'age',
  MOVE_PTES: 'move',
  COPY_PTES: 'copy',
  READ_PTES: 'read',
  EXCHANGE_PTES: 'exchange',
  FILL_NATIVE: 'fill',
  DROP_NATIVE: 'drop',
  HARVEST_PTES: 'harvest',
} as const;

/**
 * The table operation that a message asks for: the same fields under the name of the operation.
 *
 * @example
 * ```ts
 * opOf({ type: 'READ_PTES', request: 1, ranges: [] }).op; // 'read'
 * ```
 */
export function opOf(
  message: Exclude<TableMessage, { type: 'CONFIGURE' | 'RELEASE_TABLES' | 'RETURN_NATIVE' }>,
): TableOp {
  if (message.type === 'DROP_NATIVE') return { op: 'drop', ranges: [{ startVa: 0, endVa: USER_END }] };
  // What every fault asks for is written out: to copy the rest of a message's fields costs as much as to do the operation.
  if (message.type === 'SET_PTES' && message.lazily === undefined) {
    return { op: 'set', runs: message.runs, expects: message.expects };
  }
  if (message.type === 'CLEAR_PTES') {
    const { ranges, freeWithin, fileOnly } = message;
    return { op: 'clear', ranges, freeWithin, fileOnly };
  }
  const { type, request: _request, ...fields } = message;
  return { op: opNames[type], ...fields } as TableOp;
}

/**
 * Tables that an outcome has and the tables before had not, as folios; tables below a kernel page need no folio.
 *
 * @example
 * ```ts
 * const before = { linux: PageTable.empty(4096), native: null };
 * const run = { va: 0, pfn: 5, nr: 1, flags: PTE.VALID };
 * const after = operate(before, { op: 'set', runs: [run], expects: -1 });
 * tableFramesNeeded(before, after, 4096); // [{ orderPages: 0, count: 3 }]
 * ```
 */
export function tableFramesNeeded(
  before: Tables,
  after: Tables & { freedLinux: number[]; freedNative: number[] },
  kernelPageBytes: number,
): Allocation[] {
  const needed: Allocation[] = [];
  const add = (old: PageTable | null, table: PageTable | null, freed: readonly number[]): void => {
    if (old === null || table === null) return;
    const { levels } = table.geometry;
    for (let depth = 1; depth < levels.length; depth++) {
      const more = table.tablesAt(depth) + (freed[depth] ?? 0) - old.tablesAt(depth);
      const pages = levels[depth].tableBytes / kernelPageBytes;
      if (more <= 0 || pages < 1) continue;
      const orderPages = Math.log2(pages);
      const same = needed.find((each) => each.orderPages === orderPages);
      if (same === undefined) needed.push({ orderPages, count: more });
      else same.count += more;
    }
  };
  add(before.linux, after.linux, after.freedLinux);
  add(before.native, after.native, after.freedNative);
  return needed.sort((a, b) => a.orderPages - b.orderPages);
}

/** Joins ranges that touch, each widened to whole pages of the translations to flush. */
function joined(ranges: readonly VaRange[], pageBytes: number): VaRange[] {
  const wide = ranges.map(({ startVa, endVa }) => ({
    startVa: Math.floor(startVa / pageBytes) * pageBytes,
    endVa: Math.ceil(endVa / pageBytes) * pageBytes,
  }));
  wide.sort((a, b) => a.startVa - b.startVa);
  const result: VaRange[] = [];
  for (const range of wide) {
    const last = result.at(-1);
    if (last !== undefined && range.startVa <= last.endVa) last.endVa = Math.max(last.endVa, range.endVa);
    else result.push(range);
  }
  return result;
}

/** Whose translations are to be flushed, and how. */
export interface FlushTarget {
  asid: number;
  /** Of the translations that are meant: ranges are widened to whole pages of it. */
  pageBytes: number;
  /** What the operands name, and the stride of single operations. */
  operandPageBytes: number;
  tlbRange: boolean;
}

/** What is to be flushed. */
export interface Flush {
  ranges: readonly VaRange[];
  freedTables: boolean;
  lastLevelOnly: boolean;
  level: number | null;
}

/**
 * The TLB maintenance for ranges of an ASID, as Linux 6.12 `__flush_tlb_range` and `tlb_flush` choose it: by range or by
 * page, the whole ASID past the thresholds; walk caches too where tables were freed.
 *
 * @example
 * ```ts
 * const ranges = [{ startVa: 0x1000, endVa: 0x2000 }];
 * const target = { asid: 7, tlbRange: false, pageBytes: 65536, operandPageBytes: 65536 };
 * flushRequests(target, { ranges, freedTables: false, lastLevelOnly: true, level: 3 })[0]?.endVa; // 65536
 * ```
 */
export function flushRequests(target: FlushTarget, flush: Flush): TlbiRequest[] {
  const { asid, pageBytes, operandPageBytes, tlbRange } = target;
  const { freedTables, lastLevelOnly, level } = flush;
  const whole: TlbiRequest = {
    op: 'ASIDE1IS',
    asid,
    startVa: 0,
    endVa: 0,
    pageBytes,
    operandPageBytes,
    level: null,
    instructions: 1,
  };
  const requests: TlbiRequest[] = [];
  for (const { startVa, endVa } of joined(flush.ranges, pageBytes)) {
    const [strideBytes, granuleBytes] = [operandPageBytes, operandPageBytes];
    const plan = tlbiPlan({ startVa, endVa, strideBytes, granuleBytes, tlbRange, lastLevelOnly, level });
    const op = plan[0]?.op;
    if (op === undefined) continue;
    if (op === 'ASIDE1IS') return [whole];
    requests.push({ op, asid, startVa, endVa, pageBytes, operandPageBytes, level, instructions: plan.length });
  }
  // Tables went but nothing that was cached: the partial walks through them must go all the same.
  if (requests.length === 0 && freedTables) requests.push(whole);
  return requests;
}

/**
 * The maintenance where each CPU is interrupted for it: by address up to a limit of the architecture, else the address space,
 * and that too where tables are freed whose walks an operation by address leaves (`arch/riscv/include/asm/tlb.h:tlb_flush`).
 *
 * @example
 * ```ts
 * const ranges = [{ startVa: 0x1000, endVa: 0x3000 }];
 * flushesByInterrupt(architectures['x86-64'], ranges, 7, 4096, false)[0]?.instructions; // 2
 * ```
 */
export function flushesByInterrupt(
  architecture: Architecture,
  ranges: readonly VaRange[],
  asid: number,
  pageBytes: number,
  freedTables: boolean,
): TlbiRequest[] {
  const { dropsWalks } = architecture.maintenance;
  const shared = { asid, pageBytes, operandPageBytes: pageBytes, level: null };
  const whole: TlbiRequest = { op: 'FLUSH_ADDRESS_SPACE', ...shared, startVa: 0, endVa: 0, instructions: 1 };
  if (freedTables && !dropsWalks) return [whole];
  const requests: TlbiRequest[] = [];
  for (const { startVa, endVa } of joined(ranges, pageBytes)) {
    const { by, instructions } = rangePlan(architecture, endVa - startVa, pageBytes);
    if (by === 'address-space') return [whole];
    const op = dropsWalks ? 'FLUSH_PAGES_AND_WALKS' : 'FLUSH_PAGES';
    requests.push({ op, ...shared, startVa, endVa, instructions });
  }
  return requests.length === 0 && freedTables ? [whole] : requests;
}
