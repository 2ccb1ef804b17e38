/** Fields of the operands of patterns. */
import { z } from 'zod';
import { parseNumber } from '../programCalls.ts';
import { RANGE_BYTES } from './pattern.ts';

/**
 * A size: bytes, or 64K, 16M, 1G; from `least` to `most`, which is the range of a pattern unless given.
 *
 * @example
 * ```ts
 * bytes('of what is touched').parse('64K'); // 65536
 * ```
 */
export function bytes(says: string, least = 1, most = RANGE_BYTES): z.ZodType<number, string | number> {
  return z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const parsed = parseNumber(value);
      if (parsed === null || parsed < least || parsed > most) {
        context.addIssue({
          code: 'custom',
          message: `"${value}" is no size from ${least} to ${most}; write 4K, 64K, 2G or bytes`,
        });
      }
      return parsed ?? 0;
    })
    .meta({ description: says });
}

/**
 * How often something is done.
 *
 * @example
 * ```ts
 * times('loads').parse(3); // 3
 * ```
 */
export function times(says: string, least = 0): z.ZodInt {
  return z.int().min(least).max(COUNT_MAX).meta({ description: says });
}

/** Times at most: as many as are worked off in hours. */
const COUNT_MAX = 2 ** 32;

/**
 * A share in percent.
 *
 * @example
 * ```ts
 * percent('of the heap').parse(25); // 25
 * ```
 */
export function percent(says: string): z.ZodInt {
  return z.int().min(0).max(100).meta({ description: says });
}

/**
 * The seed of whatever is drawn.
 *
 * @example
 * ```ts
 * seed.parse(undefined); // 1
 * ```
 */
export const seed = z.int().nonnegative().meta({ description: 'of what is drawn' }).default(1);

/**
 * What is done at each place.
 *
 * @example
 * ```ts
 * access('read').parse(undefined); // 'read'
 * ```
 */
export function access(usual: 'read' | 'write' | 'modify'): z.ZodDefault<z.ZodType<'read' | 'write' | 'modify'>> {
  const says = 'what is done at each place; `modify` loads and stores the same word';
  return z.enum(['read', 'write', 'modify']).meta({ description: says }).default(usual);
}

/**
 * Whether memory is written to once before the pattern begins.
 *
 * @example
 * ```ts
 * initialise.parse(undefined); // true
 * ```
 */
export const initialise = z
  .boolean()
  .meta({ description: 'write to each 4K once, in order, before the pattern begins' })
  .default(true);

/** The letter of a trace step for each kind of access. */
export const LETTERS = { read: 'R', write: 'W', modify: 'M' } as const;
