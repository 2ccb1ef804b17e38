/**
 * A shadow of all anonymous memory: of each page which write it holds, in every place that a page can be in. It is fed with the records of
 * a run and knows nothing of the kernel: what hardware writes, what is copied, what is written to and read from swap. Wherever a
 * process reads a page, that must hold what the process last wrote there.
 *
 * The unit of a write is what one TLB entry maps, since later writes through it make no message. A page that is written again while its
 * entry is dirty and cached needs no new version: nobody can have copied it in between.
 */
import type { MmContext } from '../../../machines/index.ts';
import type { MessageOf, MessageType } from '../../../machines/messages.ts';
import { kindOfEntry } from '../../../src/mm/nonPresent.ts';
import { VM } from '../../../src/mm/vma.ts';
import type { MessageRecord } from '../../../src/runtime/envelope.ts';
import type { System } from '../../../src/runtime/system.ts';

/** What a page of a process should hold. */
interface Expected {
  version: number;
  /** MADV_FREE: it may be zero instead, until it is written to again. */
  lazy: boolean;
}

type Fields<T extends MessageType> = Omit<MessageOf<T>, 'type'>;

function fieldsOf<T extends MessageType>(record: MessageRecord, type: T): Fields<T> | null {
  return record.type === type ? (record.payload as unknown as Fields<T>) : null;
}

/** Contents that nobody here knows: pages of files. */
const UNKNOWN = -1;

export class ShadowMemory {
  /** Pages that were looked at when they were read or written. */
  checked = 0;
  private readonly pageBytes: number;
  private versions = 0;
  private readonly frames = new Map<number, number>();
  private readonly device = new Map<number, number>();
  private readonly slots = new Map<number, readonly number[]>();
  private readonly expected = new Map<number, Map<number, Expected>>();
  private readonly walks = new Map<string, string>();
  private readonly copies = new Map<string, { pfn: number; nr: number }>();
  private readonly zeroed = new Set<string>();
  private readonly swapIns = new Map<number, readonly number[]>();
  private readonly reads = new Map<number, readonly number[]>();

  constructor(pageBytes = 4096) {
    this.pageBytes = pageBytes;
  }

  take(record: MessageRecord, system: System): void {
    this.takeAccess(record, system);
    this.takeFrames(record);
    this.takeSwap(record);
    this.takeTables(record);
  }

  private of(pid: number): Map<number, Expected> {
    const known = this.expected.get(pid) ?? new Map<number, Expected>();
    this.expected.set(pid, known);
    return known;
  }

  private takeAccess(record: MessageRecord, system: System): void {
    const walk = fieldsOf(record, 'WALK');
    if (walk !== null) this.walks.set(`tlb:${walk.cpu} ${walk.walk}`, walk.access);
    const found = fieldsOf(record, 'TRANSLATION');
    if (found === null) return;
    const access = this.walks.get(`${record.to} ${found.walk}`);
    const { vmas }: MmContext = system.snapshot(`mm:${found.pid}`).context;
    const vma = vmas.find(found.va);
    if (vma === null || vma.file !== null || (vma.flags & VM.SHARED) !== 0) return;
    const startVa = found.va - (found.va % found.pageBytes);
    const pages = this.of(found.pid);
    for (let at = 0; at < found.pageBytes / this.pageBytes; at++) {
      const page = startVa / this.pageBytes + at;
      this.check(record, found.pid, page, this.frames.get(found.pfn + at) ?? 0, pages.get(page));
    }
    if (access !== 'write') return;
    const version = ++this.versions;
    for (let at = 0; at < found.pageBytes / this.pageBytes; at++) {
      this.frames.set(found.pfn + at, version);
      pages.set(startVa / this.pageBytes + at, { version, lazy: false });
    }
  }

  private check(record: MessageRecord, pid: number, page: number, holds: number, should: Expected | undefined): void {
    this.checked++;
    const wanted = should?.version ?? 0;
    if (holds === UNKNOWN || holds === wanted || (should?.lazy === true && holds === 0)) return;
    const at = `page 0x${page.toString(16)} of process ${pid}`;
    throw new Error(`lost data: after event ${record.seq} ${at} holds write ${holds}, the last one was ${wanted}`);
  }

  private takeFrames(record: MessageRecord): void {
    const copied = fieldsOf(record, 'COPY_ON_WRITE');
    if (copied !== null) this.copies.set(`${copied.sender} ${copied.request}`, copied);
    const asked = fieldsOf(record, 'ALLOC');
    if (asked !== null) {
      if (asked.zero) this.zeroed.add(`${asked.sender} ${asked.request}`);
      const slots = asked.sender === 'swap' ? this.swapIns.get(record.cause) : undefined;
      if (slots !== undefined) this.reads.set(asked.request, slots);
    }
    const given = fieldsOf(record, 'FRAMES');
    if (given === null) return;
    const key = `${record.to} ${given.request}`;
    const from = this.copies.get(key);
    const slots = record.to === 'swap' ? this.reads.get(given.request) : undefined;
    const unknown = this.zeroed.delete(key) ? 0 : UNKNOWN;
    this.copies.delete(key);
    for (const pfn of given.pfns) {
      for (let page = 0; page < 2 ** given.orderPages; page++) {
        const slot = slots?.[page];
        if (slot !== undefined) this.frames.set(pfn + page, this.device.get(slot) ?? UNKNOWN);
        else this.frames.set(pfn + page, from === undefined ? unknown : (this.frames.get(from.pfn + page) ?? 0));
      }
    }
  }

  private takeSwap(record: MessageRecord): void {
    const found = fieldsOf(record, 'SWAP_SLOTS');
    for (const { pfn, slots } of found?.folios ?? []) this.slots.set(pfn, slots);
    const asked = fieldsOf(record, 'SWAP_IN');
    if (asked !== null) this.swapIns.set(record.seq, asked.slots);
    const written = fieldsOf(record, 'SWAP_WRITE');
    for (const pfn of written?.pfns ?? []) {
      for (const [page, slot] of (this.slots.get(pfn) ?? []).entries()) {
        this.device.set(slot, this.frames.get(pfn + page) ?? 0);
      }
    }
  }

  /** What the process gave up, moved or handed on. */
  private takeTables(record: MessageRecord): void {
    const pid = Number(record.to.split(':')[1]);
    const cleared = fieldsOf(record, 'CLEAR_PTES');
    if (cleared !== null && !cleared.fileOnly) for (const range of cleared.ranges) this.forget(pid, range);
    const exchanged = fieldsOf(record, 'EXCHANGE_PTES');
    for (const { va, nr, expects, to } of exchanged?.changes ?? []) {
      // MADV_FREE of what is in swap.
      const isSwap = expects !== null && kindOfEntry(expects.flags) === 'swap';
      if (isSwap && to === null) this.forget(pid, { startVa: va, endVa: va + nr * this.pageBytes });
    }
    const aged = fieldsOf(record, 'AGE_PTES');
    if (aged !== null && aged.dirty && aged.young) {
      for (const [page, should] of this.of(pid)) {
        const va = page * this.pageBytes;
        if (va >= aged.startVa && va < aged.endVa) this.of(pid).set(page, { ...should, lazy: true });
      }
    }
    const moved = fieldsOf(record, 'MOVE_PTES');
    if (moved !== null) this.move(pid, moved);
    if (fieldsOf(record, 'FORKED') !== null && record.to.startsWith('mm:')) {
      const parent = Number(record.from.split(':')[1]);
      this.expected.set(pid, new Map(this.of(parent)));
    }
  }

  private forget(pid: number, { startVa, endVa }: { startVa: number; endVa: number }): void {
    const pages = this.of(pid);
    for (const page of pages.keys()) {
      const va = page * this.pageBytes;
      if (va >= startVa && va < endVa) pages.delete(page);
    }
  }

  private move(pid: number, { fromVa, toVa, lengthBytes }: Fields<'MOVE_PTES'>): void {
    const pages = this.of(pid);
    const taken = [...pages].filter(
      ([page]) => page * this.pageBytes >= fromVa && page * this.pageBytes < fromVa + lengthBytes,
    );
    for (const [page] of taken) pages.delete(page);
    for (const [page, should] of taken) pages.set(page + (toVa - fromVa) / this.pageBytes, should);
  }
}
