/**
 * What memory pressure did in a run, from its records: how often an order was not to be had, how long allocations waited, how
 * much compaction worked, who was killed, and when it began.
 *
 * @models S-14 D-12 L-04
 */
import type { Message, MessageOf } from '../../machines/index.ts';
import type { MessageRecord } from '../runtime/envelope.ts';

/** Allocations of one order: the last that would do. */
export interface OrderCounts {
  asked: number;
  /** Were not on the free lists above the low watermark. */
  slow: number;
  failed: number;
  /** Got smaller folios than that. */
  fellBack: number;
}

/** What was measured. */
export interface PressureMeasures {
  /** By order. */
  orders: Readonly<Record<number, OrderCounts>>;
  /** When the first allocation took its slow path, and when the first came to nothing; null: never. */
  firstSlowCycles: number | null;
  firstFailureCycles: number | null;
  /** How long those waited that took it: in all, at most, and what 99 of 100 did not exceed. */
  stalls: { count: number; totalCycles: number; mostCycles: number; p99Cycles: number };
  compaction: { attempts: number; successes: number; scannedPages: number; movedPages: number };
  /** Processes that were killed, in order. */
  killed: readonly number[];
}

interface Open {
  order: number;
  slowSince: number | null;
}

/**
 * Goes through the records of a run.
 *
 * @example
 * ```ts
 * const meter = new PressureMeter();
 * const base = { seq: 0, timeCycles: 5, to: 'zone', from: 'mm:1', cause: -1 };
 * meter.note({ ...base, type: 'ALLOC', payload: { sender: 'mm:1', request: 1, orderPages: 4 } });
 * meter.note({ ...base, to: 'mm:1', type: 'NO_MEMORY', payload: { request: 1 } });
 * meter.measures().orders[4]; // { asked: 1, slow: 0, failed: 1, fellBack: 0 }
 * meter.measures().firstFailureCycles; // 5
 * ```
 */
export class PressureMeter {
  private readonly open = new Map<string, Open>();
  private readonly orders = new Map<number, OrderCounts>();
  private readonly stallCycles: number[] = [];
  private readonly killed: number[] = [];
  private readonly compaction = { attempts: 0, successes: 0, scannedPages: 0, movedPages: 0 };
  private firstSlowCycles: number | null = null;
  private firstFailureCycles: number | null = null;

  /** Takes the next record. */
  note(record: MessageRecord): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the type of a record says what its fields are
    const message = { ...record.payload, type: record.type } as unknown as Message;
    const { timeCycles, to } = record;
    switch (message.type) {
      case 'ALLOC':
        this.asked(message.sender, message.request, message.fallbackOrders?.at(-1) ?? message.orderPages);
        break;
      case 'COPY_ON_WRITE':
        this.asked(message.sender, message.request, message.orderPages);
        break;
      case 'SLOW_ALLOC':
        this.slow(message.wish, timeCycles);
        break;
      case 'FRAMES':
        this.answered(to, message.request, timeCycles, message.orderPages);
        break;
      case 'NO_MEMORY':
        this.answered(to, message.request, timeCycles, null);
        break;
      case 'REUSE':
        this.open.delete(`${to} ${message.request}`);
        break;
      case 'KILL':
        this.killed.push(message.pid);
        break;
      default:
        this.compacted(message);
    }
  }

  /** What was measured so far. */
  measures(): PressureMeasures {
    const sorted = [...this.stallCycles].sort((a, b) => a - b);
    const count = sorted.length;
    return {
      orders: Object.fromEntries([...this.orders].sort(([a], [b]) => a - b).map(([order, one]) => [order, { ...one }])),
      firstSlowCycles: this.firstSlowCycles,
      firstFailureCycles: this.firstFailureCycles,
      stalls: {
        count,
        totalCycles: sorted.reduce((sum, cycles) => sum + cycles, 0),
        mostCycles: sorted.at(-1) ?? 0,
        p99Cycles: sorted[Math.ceil(count * 0.99) - 1] ?? 0,
      },
      compaction: { ...this.compaction },
      killed: [...this.killed],
    };
  }

  private countsOf(order: number): OrderCounts {
    const counts = this.orders.get(order) ?? { asked: 0, slow: 0, failed: 0, fellBack: 0 };
    this.orders.set(order, counts);
    return counts;
  }

  private asked(sender: string, request: number, order: number): void {
    this.countsOf(order).asked++;
    this.open.set(`${sender} ${request}`, { order, slowSince: null });
  }

  private slow({ sender, request, orderPages }: MessageOf<'SLOW_ALLOC'>['wish'], timeCycles: number): void {
    const key = `${sender} ${request}`;
    const open = this.open.get(key) ?? { order: orderPages, slowSince: null };
    this.open.set(key, { ...open, slowSince: timeCycles });
    this.countsOf(open.order).slow++;
    this.firstSlowCycles ??= timeCycles;
  }

  private answered(sender: string, request: number, timeCycles: number, orderPages: number | null): void {
    const key = `${sender} ${request}`;
    const open = this.open.get(key);
    if (open === undefined) return;
    this.open.delete(key);
    if (open.slowSince !== null) this.stallCycles.push(timeCycles - open.slowSince);
    if (orderPages !== null && orderPages >= open.order) return;
    this.firstFailureCycles ??= timeCycles;
    if (orderPages === null) this.countsOf(open.order).failed++;
    else this.countsOf(open.order).fellBack++;
  }

  private compacted(message: Message): void {
    const { compaction } = this;
    if (message.type === 'COMPACT_SCAN') {
      if (message.first) compaction.attempts++;
      for (const { pages } of message.done) compaction.movedPages += pages.length;
    } else if (message.type === 'COMPACT_BATCH') {
      compaction.scannedPages += message.migrateScanned + message.freeScanned;
      if (message.result === 'success') compaction.successes++;
    }
  }
}
