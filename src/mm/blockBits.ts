/**
 * Sets of block numbers as bits: 32 to a word, and above them words that say which words have a bit, 32 to one again, until
 * they are few. So the least block of a set, and a change of one, take a step for each level. All sets lie in one array.
 */
import { CHUNK_MASK, type ChunkedArray } from './chunkedArray.ts';

const WORD_BITS = 5;
const WORD_MASK = 2 ** WORD_BITS - 1;
/** Words of the highest level at most. To look through them is rare; a level more would be written at every change. */
const TOP_WORDS = 32;

/**
 * Where the words of one set begin in the array, level by level from the bits up.
 *
 * @example
 * ```ts
 * const levels: Levels = [1, 0];
 * ```
 */
export type Levels = readonly number[];

/** The place of the lowest bit of a word that has one. */
function lowestBit(word: number): number {
  return WORD_MASK - Math.clz32(word & -word);
}

/**
 * How many words each level of a set takes, from the bits up.
 *
 * @example
 * ```ts
 * wordsOfLevels(2000); // [63, 2]
 * ```
 */
export function wordsOfLevels(blocks: number): number[] {
  const words = [Math.ceil(blocks / 2 ** WORD_BITS)];
  while (words[words.length - 1] > TOP_WORDS) words.push(Math.ceil(words[words.length - 1] / 2 ** WORD_BITS));
  return words;
}

/**
 * Whether a block is in the set.
 *
 * @example
 * ```ts
 * hasBlock(new ChunkedArray<number>(0), [1, 0], 40); // false
 * ```
 */
export function hasBlock(words: ChunkedArray<number>, levels: Levels, block: number): boolean {
  return (words.get(levels[0] + (block >>> WORD_BITS)) & (1 << (block & WORD_MASK))) !== 0;
}

/**
 * Puts in a block that is not there.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlock(words, [1, 0], 40);
 * hasBlock(words, [1, 0], 40); // true
 * ```
 */
export function addBlock(words: ChunkedArray<number>, levels: Levels, block: number): void {
  let at = block;
  for (let level = 0; level < levels.length; level++) {
    const place = levels[level] + (at >>> WORD_BITS);
    const chunk = words.chunk(place);
    const before = chunk[place & CHUNK_MASK];
    chunk[place & CHUNK_MASK] = before | (1 << (at & WORD_MASK));
    if (before !== 0) return;
    at >>>= WORD_BITS;
  }
}

/**
 * Takes out a block that is there.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlock(words, [1, 0], 40);
 * removeBlock(words, [1, 0], 40);
 * hasBlock(words, [1, 0], 40); // false
 * ```
 */
export function removeBlock(words: ChunkedArray<number>, levels: Levels, block: number): void {
  let at = block;
  for (let level = 0; level < levels.length; level++) {
    const place = levels[level] + (at >>> WORD_BITS);
    const chunk = words.chunk(place);
    const after = chunk[place & CHUNK_MASK] & ~(1 << (at & WORD_MASK));
    chunk[place & CHUNK_MASK] = after;
    if (after !== 0) return;
    at >>>= WORD_BITS;
  }
}

/**
 * Puts in consecutive blocks, a word at a time.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlocks(words, [1, 0], 30, 4);
 * [29, 30, 33, 34].map((block) => hasBlock(words, [1, 0], block)); // [false, true, true, false]
 * ```
 */
export function addBlocks(words: ChunkedArray<number>, levels: Levels, first: number, count: number): void {
  let from = first;
  let last = first + count - 1;
  for (const start of levels) {
    const lastWord = last >>> WORD_BITS;
    for (let word = from >>> WORD_BITS; word <= lastWord; word++) {
      const low = word === from >>> WORD_BITS ? -1 << (from & WORD_MASK) : -1;
      const high = word === lastWord ? -1 >>> (WORD_MASK - (last & WORD_MASK)) : -1;
      words.set(start + word, words.get(start + word) | (low & high));
    }
    from >>>= WORD_BITS;
    last = lastWord;
  }
}

/**
 * The least block of a set that is not empty.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlocks(words, [1, 0], 40, 8);
 * leastBlock(words, [1, 0]); // 40
 * ```
 */
export function leastBlock(words: ChunkedArray<number>, levels: Levels): number {
  const top = levels.length - 1;
  let at = 0;
  while (words.get(levels[top] + at) === 0) at++;
  return leastBelow(words, levels, top, at);
}

/** The least block below a word of a level, which is not zero. */
function leastBelow(words: ChunkedArray<number>, levels: Levels, level: number, word: number): number {
  let at = word;
  for (let below = level; below >= 0; below--) at = (at << WORD_BITS) | lowestBit(words.get(levels[below] + at));
  return at;
}

/**
 * The least block of a set from one on, or -1.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlock(words, [1, 0], 40);
 * [leastBlockFrom(words, [1, 0], 64, 8), leastBlockFrom(words, [1, 0], 64, 41)]; // [40, -1]
 * ```
 */
export function leastBlockFrom(words: ChunkedArray<number>, levels: Levels, blocks: number, from: number): number {
  let at = from;
  let end = blocks;
  for (let level = 0; level < levels.length && at < end; level++) {
    const word = at >>> WORD_BITS;
    const rest = words.get(levels[level] + word) & (-1 << (at & WORD_MASK));
    if (rest !== 0) return leastBelow(words, levels, level - 1, (word << WORD_BITS) | lowestBit(rest));
    at = word + 1;
    end = ((end - 1) >>> WORD_BITS) + 1;
  }
  const top = levels.length - 1;
  for (; at < end; at++) if (words.get(levels[top] + at) !== 0) return leastBelow(words, levels, top, at);
  return -1;
}

/**
 * Whether any block of an aligned stretch of 2^`log2`, all of which there can be, is in the set.
 *
 * @example
 * ```ts
 * const words = new ChunkedArray<number>(0);
 * addBlock(words, [1, 0], 40);
 * [hasAnyBlock(words, [1, 0], 40, 3), hasAnyBlock(words, [1, 0], 48, 3), hasAnyBlock(words, [1, 0], 0, 6)]; // [true, false, true]
 * ```
 */
export function hasAnyBlock(words: ChunkedArray<number>, levels: Levels, first: number, log2: number): boolean {
  // The lowest level that has all of it within a word.
  const level = Math.min(levels.length - 1, Math.floor(log2 / WORD_BITS));
  const bits = 2 ** (log2 - WORD_BITS * level);
  const at = first >>> (WORD_BITS * level);
  const word = levels[level] + (at >>> WORD_BITS);
  if (bits <= WORD_MASK) return (words.get(word) & (((1 << bits) - 1) << (at & WORD_MASK))) !== 0;
  // Only at the highest level it is several words.
  for (let next = word; next < word + bits / 2 ** WORD_BITS; next++) if (words.get(next) !== 0) return true;
  return false;
}
