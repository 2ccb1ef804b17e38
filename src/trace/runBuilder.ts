import { invariant } from '../errors.ts';
import { RUN_CALL, RUN_FETCH, RUN_PAGE_SHIFT, RUN_READ, RUN_WRITE } from '../mm/runs.ts';
import type { RunBlock, TraceCall } from '../mm/runs.ts';
import type { PageDictionary } from './pageDictionary.ts';

/** Runs in a block of a trace: 64 Ki runs are about 100 KB compressed, and quick to decode at a random place. */
export const BLOCK_RUNS = 65_536;
/** A fetch run ends after so many data runs, so that its count is known, and its block can leave, within two blocks. */
const MAX_DATA_RUNS_OF_A_FETCH = 32_768;
/**
 * A fetch run ends after so many fetches: a quantum ends between fetch runs, and a loop on one page must not outlast it. The
 * longest runs of real programs are of this order, so it adds next to nothing to a trace.
 */
const FETCHES_OF_A_RUN_MAX = 65_536;
/** Counts are 32 bits wide; a run is closed long before they could overflow inside one chunk of text. */
const COUNT_LIMIT = 2 ** 31;
/** No run open: page numbers are never negative. */
const NONE = -1;
const PAGE_BYTES = 1 << RUN_PAGE_SHIFT;
const SLOTS = BLOCK_RUNS + MAX_DATA_RUNS_OF_A_FETCH + 2;

/**
 * Folds accesses into runs by the rules of `src/mm/runs.ts`, and hands out full blocks of `BLOCK_RUNS` runs.
 *
 * Beyond those rules a fetch run also ends after 65,536 fetches or 32,768 data runs: a loop on one page must neither outlast a
 * quantum nor hold a block back for ever. `offset` is the byte in the 4K page where an access begins, `sizeBytes` its length.
 *
 * @example
 * ```ts
 * const blocks = [];
 * const builder = new RunBuilder(new PageDictionary(), (block) => blocks.push(block));
 * builder.fetch(0x401, 0, 4);
 * builder.fetch(0x401, 4, 4);
 * builder.store(0x700, 4092, 8);
 * builder.end();
 * [...blocks[0].accesses]; // [2, 1, 1]
 * ```
 */
export class RunBuilder {
  /** Trace lines that were accesses, of the runs handed out. */
  references = 0;
  /** Runs handed out or pending. */
  runs = 0;
  readonly dictionary: PageDictionary;
  private readonly emit: (block: RunBlock) => void;
  private readonly kind: Uint8Array = new Uint8Array(SLOTS);
  private readonly page: Int32Array = new Int32Array(SLOTS);
  private readonly accesses: Uint32Array = new Uint32Array(SLOTS);
  private readonly lines: Uint32Array = new Uint32Array(SLOTS);
  private readonly continued: Uint8Array = new Uint8Array(SLOTS);
  private calls: TraceCall[] = [];
  private count = 0;
  private fetchPage = NONE;
  private fetchSlot = 0;
  private dataPage = NONE;
  private dataSlot = 0;
  private dataWritten = false;

  constructor(dictionary: PageDictionary, emit: (block: RunBlock) => void) {
    this.dictionary = dictionary;
    this.emit = emit;
  }

  /** An instruction fetch. */
  fetch(page: number, offset: number, sizeBytes: number): void {
    if (page !== this.fetchPage || this.accesses[this.fetchSlot] >= FETCHES_OF_A_RUN_MAX) this.openFetch(page, 0);
    this.accesses[this.fetchSlot] += 1;
    this.lines[this.fetchSlot] += 1;
    if (offset + sizeBytes <= PAGE_BYTES) return;
    for (let next = page + 1; next < endPage(page, offset, sizeBytes); next += 1) {
      this.openFetch(next, 1);
      this.accesses[this.fetchSlot] += 1;
    }
  }

  /** A data load. */
  load(page: number, offset: number, sizeBytes: number): void {
    if (page !== this.dataPage) this.openData(page, RUN_READ, 0);
    this.accesses[this.dataSlot] += 1;
    this.lines[this.dataSlot] += 1;
    if (offset + sizeBytes > PAGE_BYTES) this.crossing(page, offset, sizeBytes, RUN_READ);
  }

  /** A data store. */
  store(page: number, offset: number, sizeBytes: number): void {
    if (page !== this.dataPage || !this.dataWritten) this.openData(page, RUN_WRITE, 0);
    this.accesses[this.dataSlot] += 1;
    this.lines[this.dataSlot] += 1;
    if (offset + sizeBytes > PAGE_BYTES) this.crossing(page, offset, sizeBytes, RUN_WRITE);
  }

  /** A load and then a store of the same bytes by one instruction: one trace line, two accesses a page. */
  modify(page: number, offset: number, sizeBytes: number): void {
    this.load(page, offset, sizeBytes);
    // The store belongs to the same line, which the load has counted.
    if (page !== this.dataPage || !this.dataWritten) this.openData(page, RUN_WRITE, 0);
    this.accesses[this.dataSlot] += 1;
    if (offset + sizeBytes > PAGE_BYTES) this.crossing(page, offset, sizeBytes, RUN_WRITE);
  }

  /** A system call: every run ends at it. Its caller makes the dictionary forget what it unmapped. */
  call(call: TraceCall): void {
    this.closeRuns();
    const slot = this.append(RUN_CALL, 0);
    this.page[slot] = this.calls.length;
    this.calls.push(call);
  }

  /** Trace lines that were accesses, those of pending runs too. */
  referencesSoFar(): number {
    let pending = 0;
    for (let slot = 0; slot < this.count; slot += 1) pending += this.lines[slot];
    return this.references + pending;
  }

  /** To be called between chunks of text: keeps the 32-bit counts from overflowing. */
  betweenChunks(): void {
    const full =
      (this.fetchPage !== NONE && this.accesses[this.fetchSlot] > COUNT_LIMIT) ||
      (this.dataPage !== NONE && this.accesses[this.dataSlot] > COUNT_LIMIT);
    if (full) this.closeRuns();
  }

  /** Closes the open runs and hands out what is left. */
  end(): void {
    this.closeRuns();
    if (this.count >= BLOCK_RUNS) this.flush(BLOCK_RUNS);
    if (this.count > 0) this.flush(this.count);
  }

  private closeRuns(): void {
    this.fetchPage = NONE;
    this.dataPage = NONE;
    this.fetchSlot = this.count;
  }

  private crossing(page: number, offset: number, sizeBytes: number, kind: number): void {
    for (let next = page + 1; next < endPage(page, offset, sizeBytes); next += 1) {
      this.openData(next, kind, 1);
      this.accesses[this.dataSlot] += 1;
    }
  }

  private openFetch(page: number, continued: number): void {
    this.dataPage = NONE;
    this.fetchPage = NONE;
    this.fetchSlot = this.count;
    const slot = this.append(RUN_FETCH, continued);
    this.page[slot] = this.use(page, RUN_FETCH);
    this.fetchPage = page;
    this.fetchSlot = slot;
  }

  private openData(page: number, kind: number, continued: number): void {
    if (this.count - this.fetchSlot > MAX_DATA_RUNS_OF_A_FETCH) this.fetchPage = NONE;
    const slot = this.append(kind, continued);
    this.page[slot] = this.use(page, kind);
    this.dataPage = page;
    this.dataWritten = kind === RUN_WRITE;
    this.dataSlot = slot;
  }

  private use(page: number, kind: number): number {
    const index = this.dictionary.indexOf(page);
    this.dictionary.usage[index] |= 1 << kind;
    return index;
  }

  /** A fresh slot; whatever else is open must already be marked so. */
  private append(kind: number, continued: number): number {
    const heldBack = this.fetchPage === NONE ? this.count : this.fetchSlot;
    if (this.count >= BLOCK_RUNS && heldBack >= BLOCK_RUNS) this.flush(BLOCK_RUNS);
    invariant(this.count < SLOTS, 'a run has a slot');
    const slot = this.count;
    this.kind[slot] = kind;
    this.accesses[slot] = 0;
    this.lines[slot] = 0;
    this.continued[slot] = continued;
    this.count += 1;
    this.runs += 1;
    return slot;
  }

  private flush(count: number): void {
    const firstRun = this.runs - this.count;
    let callCount = 0;
    for (let slot = 0; slot < count; slot += 1) {
      if (this.kind[slot] === RUN_CALL) callCount += 1;
      this.references += this.lines[slot];
    }
    this.emit({
      firstRun,
      count,
      kind: this.kind.slice(0, count),
      page: this.page.slice(0, count),
      accesses: this.accesses.slice(0, count),
      references: this.lines.slice(0, count),
      continued: this.continued.slice(0, count),
      calls: this.calls.slice(0, callCount),
    });
    for (const column of [this.kind, this.page, this.accesses, this.lines, this.continued]) {
      column.copyWithin(0, count, this.count);
    }
    this.calls = this.calls.slice(callCount);
    this.count -= count;
    this.fetchSlot -= count;
    this.dataSlot -= count;
    for (let slot = 0; slot < this.count; slot += 1) {
      if (this.kind[slot] === RUN_CALL) this.page[slot] -= callCount;
    }
  }
}

/** The 4K page after the last one that an access touches. */
function endPage(page: number, offset: number, sizeBytes: number): number {
  return page + Math.floor((offset + sizeBytes - 1) / PAGE_BYTES) + 1;
}
