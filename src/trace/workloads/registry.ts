/** Every pattern by its name. */
import { allocator } from './allocator.ts';
import { footPatterns } from './footPatterns.ts';
import { forkChild, forkServer } from './forkServer.ts';
import { jvmHeap } from './jvmHeap.ts';
import { mmapFileScan } from './mmapFileScan.ts';
import type { Pattern } from './pattern.ts';
import { pointerChase } from './pointerChase.ts';
import { random } from './random.ts';
import { sequential } from './sequential.ts';
import { strided } from './strided.ts';
import { zipf } from './zipf.ts';

/** The patterns, in the order of docs/workloads.md. */
export const patterns = {
  sequential,
  strided,
  random,
  zipf,
  'pointer-chase': pointerChase,
  'fork-server': forkServer,
  'fork-child': forkChild,
  'jvm-heap': jvmHeap,
  allocator,
  'mmap-file-scan': mmapFileScan,
  ...footPatterns,
};

/** The name of a pattern. */
export type PatternName = keyof typeof patterns;

/** Their names. */
export const patternNames: readonly PatternName[] = Object.values(patterns).map(({ name }) => name);

/**
 * The pattern of a name, for operands that its schema has checked.
 *
 * @example
 * ```ts
 * patternOf('zipf').name; // 'zipf'
 * ```
 */
export function patternOf(name: PatternName): Pattern {
  return patterns[name];
}
