/**
 * Zipf's law in whole numbers, the same on every machine.
 *
 * The weight of rank k is k^-s, as a fixed-point number. Math.pow and Math.log may differ in their last bit between engines, so
 * nothing of them is used: log2 of a prime by squaring (a bit each), 2^-x by a product of roots of 1/2, both in BigInt of 64
 * binary places; and since (ab)^-s = a^-s * b^-s, other ranks are products of their factors. What is drawn from is the table of
 * the rounded weights, added up: it is below 2^53, so that numbers hold it exactly.
 */
import { invariant } from '../../errors.ts';
import type { SeededRandom } from '../../mm/seededRandom.ts';

/** Binary places of the fixed-point numbers. */
const PLACES = 64n;
const ONE = 1n << PLACES;
/** Parts of an exponent: thousandths. */
const PARTS = 1000n;
/** Weights add up to less than this: a number holds them all exactly. */
const SUM_BITS = 52n;

/** log2 of a whole number from 1 on, with 64 binary places. */
function log2(value: number): bigint {
  const whole = BigInt(Math.clz32(1) - Math.clz32(value));
  let mantissa = (BigInt(value) << PLACES) >> whole;
  let fraction = 0n;
  for (let place = 0n; place < PLACES; place += 1n) {
    mantissa = (mantissa * mantissa) >> PLACES;
    fraction <<= 1n;
    if (mantissa >= 2n * ONE) {
      mantissa >>= 1n;
      fraction |= 1n;
    }
  }
  return (whole << PLACES) + fraction;
}

/** The whole part of a square root (Newton's method). */
function root(value: bigint): bigint {
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const better = (guess + value / guess) >> 1n;
    if (better >= guess) return guess;
    guess = better;
  }
}

/** 2^-(1/2), 2^-(1/4), and so on: one for each binary place. */
function rootsOfHalf(): bigint[] {
  const roots: bigint[] = [];
  let power = ONE >> 1n;
  for (let place = 0n; place < PLACES; place += 1n) {
    power = root(power << PLACES);
    roots.push(power);
  }
  return roots;
}

/** 2^-x. */
function halved(x: bigint, roots: readonly bigint[]): bigint {
  let power = ONE >> (x >> PLACES);
  const fraction = x & (ONE - 1n);
  for (let place = 0; place < roots.length; place += 1) {
    const bit = (fraction >> (PLACES - 1n - BigInt(place))) & 1n;
    if (bit === 1n) power = (power * (roots[place] ?? 0n)) >> PLACES;
  }
  return power;
}

/** For each number up to `count`, its smallest prime factor. */
function smallestFactors(count: number): Uint32Array {
  const factors = new Uint32Array(count + 1);
  for (let prime = 2; prime <= count; prime += 1) {
    if (factors[prime] !== 0) continue;
    for (let multiple = prime; multiple <= count; multiple += prime) {
      if (factors[multiple] === 0) factors[multiple] = prime;
    }
  }
  return factors;
}

/**
 * Places by which weights are shifted so that all of them, rounded, add up to less than 2^52: ranks from a power of two to the
 * next weigh at most what the first of them does. So the weights are as fine as numbers allow, however fast they fall.
 */
function shiftOf(count: number, thousandths: number, roots: readonly bigint[]): bigint {
  let most = 0n;
  for (let power = 0; 2 ** power <= count; power += 1) {
    const ranks = Math.min(2 ** power, count + 1 - 2 ** power);
    most += BigInt(ranks) * halved(((BigInt(power) << PLACES) * BigInt(thousandths)) / PARTS, roots);
  }
  // Rounding adds half to each at most, and the least weight one.
  const room = (1n << SUM_BITS) - BigInt(count);
  let shift = 0n;
  while (most >> shift >= room) shift += 1n;
  return shift;
}

/**
 * The weights of the ranks 1 to `count`, added up: the last is their sum.
 *
 * @example
 * ```ts
 * const sums = zipfSums(2, 1000);
 * Math.round((3 * sums[0]) / sums[1]); // 2
 * ```
 */
export function zipfSums(count: number, thousandths: number): Float64Array {
  invariant(count >= 1 && count <= 2 ** 24 && thousandths >= 0, 'a table of Zipf has 1 to 2^24 ranks');
  const roots = rootsOfHalf();
  const shift = shiftOf(count, thousandths, roots);
  const factors = smallestFactors(count);
  const powers: bigint[] = [0n, ONE];
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 1; rank <= count; rank += 1) {
    const factor = factors[rank] ?? 0;
    let power = powers[rank];
    if (power === undefined) {
      if (factor === rank) power = halved((log2(rank) * BigInt(thousandths)) / PARTS, roots);
      else power = ((powers[factor] ?? 0n) * (powers[rank / factor] ?? 0n)) >> PLACES;
      powers.push(power);
    }
    // No rank is left out, however rare.
    sum += Math.max(1, Number((power + (1n << (shift - 1n))) >> shift));
    sums[rank - 1] = sum;
  }
  return sums;
}

/**
 * Draws a rank from 0 on by its weight.
 *
 * @example
 * ```ts
 * drawRank(zipfSums(1, 990), new SeededRandom(1)); // 0
 * ```
 */
export function drawRank(sums: Float64Array, random: SeededRandom): number {
  const at = below53(sums[sums.length - 1], random);
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A whole number below a bound of up to 53 bits, each as likely as the next one. */
function below53(bound: number, random: SeededRandom): number {
  const limit = 2 ** 53 - (2 ** 53 % bound);
  for (;;) {
    const value = (random.next() >>> 11) * 2 ** 32 + random.next();
    if (value < limit) return value % bound;
  }
}
