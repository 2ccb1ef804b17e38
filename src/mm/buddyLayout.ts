/** Where the free lists of a buddy allocator lie in the one array that holds them. */
import { invariant } from '../errors.ts';
import { type Levels, wordsOfLevels } from './blockBits.ts';

/** Frames are counted from the origin by `>>` and `&`, whose numbers end soon after that. */
const MAX_FRAME_BITS = 30;

/**
 * Which frames an allocator manages, and where the words of each order lie: the same for all of its versions.
 *
 * @throws GranuleError INVARIANT for a stretch that is empty or too long, or a negative order
 * @example
 * ```ts
 * const layout = new BuddyLayout(20, 100, 4);
 * layout.origin; // 16
 * layout.blocks; // [104, 52, 26, 13, 7]
 * ```
 */
export class BuddyLayout {
  /** First frame. */
  readonly base: number;
  /** Frames managed. */
  readonly count: number;
  /** MAX_PAGE_ORDER. */
  readonly maxOrder: number;
  /** The frame that blocks are counted from: aligned for all orders, so that a block is as aligned as its frame. */
  readonly origin: number;
  /** How many blocks there can be of each order, and where their bits are. */
  readonly blocks: readonly number[];
  readonly levels: readonly Levels[];

  constructor(base: number, count: number, maxOrder: number) {
    invariant(Number.isSafeInteger(base) && base >= 0, 'the first frame is a non-negative integer');
    invariant(Number.isSafeInteger(count) && count > 0, 'there is at least one frame');
    invariant(Number.isInteger(maxOrder) && maxOrder >= 0, 'an order is a non-negative integer');
    this.base = base;
    this.count = count;
    this.maxOrder = maxOrder;
    this.origin = base - (base % 2 ** maxOrder);
    const frames = base + count - this.origin;
    const isNumbered = frames <= 2 ** MAX_FRAME_BITS && maxOrder <= MAX_FRAME_BITS;
    invariant(isNumbered, `an allocator has 2^${MAX_FRAME_BITS} frames at most`);
    this.blocks = Array.from({ length: maxOrder + 1 }, (_, order) => Math.ceil(frames / 2 ** order));
    const sizes = this.blocks.map(wordsOfLevels);
    const levels = this.blocks.map((): number[] => []);
    let end = 0;
    // The small levels first: the words that every allocation writes lie close together then, and there is little to copy.
    for (let level = sizes[0].length - 1; level >= 0; level--) {
      for (let order = maxOrder; order >= 0; order--) {
        if (level >= sizes[order].length) continue;
        levels[order].unshift(end);
        end += sizes[order][level];
      }
    }
    this.levels = levels;
  }
}
