/**
 * Watches a run of one process for what its states do not keep: lines that walks read, bytes zeroed and copied, resident
 * memory by kind.
 */
import type { MmContext } from '../../../machines/index.ts';
import type { Envelope } from '../../runtime/envelope.ts';
import type { System } from '../../runtime/system.ts';
import { DESIGN_PID } from './designList.ts';
import { type WalkLineCounts, WalkLines } from './walkLines.ts';

/** What the meter counted. */
export interface Metered extends WalkLineCounts {
  /** Anonymous memory that was cleared, and memory that was copied for a write. */
  zeroedBytes: number;
  copiedBytes: number;
  /** Most anonymous and most file memory that was resident. */
  anonPeakBytes: number;
  filePeakBytes: number;
}

interface Fields {
  readonly type: string;
  readonly [name: string]: unknown;
}

const MM = `mm:${DESIGN_PID}`;

function numberOf(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === 'number' ? value : 0;
}

/**
 * A meter for a system that `topologyOf` describes. It is told of every delivery before its actor handles it.
 *
 * @example
 * ```ts
 * const meter = new DesignMeter({ kernelPageBytes: 4096, walkedPageBytes: 4096 });
 * meter.metered().zeroedBytes; // 0
 * ```
 */
export class DesignMeter {
  readonly #kernelPageBytes: number;
  readonly #walks = new WalkLines();
  #granuleBytes: number;
  #walkVa = 0;
  #walkSkips = 0;
  /** Allocations under way, by who asked and the number of the request: what their bytes are counted as. */
  readonly #asked = new Map<string, 'zeroed' | 'copied'>();
  #zeroedBytes = 0;
  #copiedBytes = 0;
  #anonPeakPages = 0;
  #filePeakPages = 0;

  constructor({ kernelPageBytes, walkedPageBytes }: { kernelPageBytes: number; walkedPageBytes: number }) {
    this.#kernelPageBytes = kernelPageBytes;
    this.#granuleBytes = walkedPageBytes;
  }

  /** Takes a delivery. */
  note({ to, message }: Pick<Envelope, 'to' | 'message'>, system: System): void {
    const fields: Fields = message;
    switch (fields.type) {
      case 'WALK':
        this.#walkVa = numberOf(fields, 'va');
        this.#walkSkips = numberOf(fields, 'skipLevels');
        break;
      case 'TRANSLATION':
        // After a fallback hardware walks the Linux table, and says so by the page size of what it found.
        this.#granuleBytes = numberOf(fields, 'pageBytes');
        this.#walk(fields);
        break;
      case 'EXCEPTION':
        this.#walk(fields);
        break;
      case 'ALLOC':
        if (fields['purpose'] === 'anon') this.#ask(fields, fields['zero'] === true ? 'zeroed' : 'copied');
        break;
      case 'COPY_ON_WRITE':
        this.#ask(fields, 'copied');
        break;
      case 'FRAMES':
        this.#granted(to, fields);
        break;
      default:
    }
    if (to === MM) this.#resident(system);
  }

  #walk(fields: Fields): void {
    this.#walks.walk(this.#walkVa, this.#granuleBytes, numberOf(fields, 'levels'), this.#walkSkips);
  }

  #ask(fields: Fields, what: 'zeroed' | 'copied'): void {
    this.#asked.set(`${String(fields['sender'])} ${numberOf(fields, 'request')}`, what);
  }

  #granted(to: string, fields: Fields): void {
    const key = `${to} ${numberOf(fields, 'request')}`;
    const what = this.#asked.get(key);
    if (what === undefined) return;
    this.#asked.delete(key);
    const pfns = fields['pfns'];
    const blocks = Array.isArray(pfns) ? pfns.length : 0;
    const bytes = blocks * 2 ** numberOf(fields, 'orderPages') * this.#kernelPageBytes;
    if (what === 'zeroed') this.#zeroedBytes += bytes;
    else this.#copiedBytes += bytes;
  }

  #resident(system: System): void {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the mm of a built-in topology
    const { rssAnonPages, rssFilePages } = system.snapshot(MM).context as MmContext;
    this.#anonPeakPages = Math.max(this.#anonPeakPages, rssAnonPages);
    this.#filePeakPages = Math.max(this.#filePeakPages, rssFilePages);
  }

  /** What was counted until now. */
  metered(): Metered {
    return {
      ...this.#walks.counts(),
      zeroedBytes: this.#zeroedBytes,
      copiedBytes: this.#copiedBytes,
      anonPeakBytes: this.#anonPeakPages * this.#kernelPageBytes,
      filePeakBytes: this.#filePeakPages * this.#kernelPageBytes,
    };
  }
}
