/** Patches in Immer's form: what turns one plain state into another, and back. */
import { enablePatches, Immer, type Patch } from 'immer';
import { sameValue } from './values.ts';

enablePatches();
/** Without freezing: the states that go in are shared with others. */
const immer = new Immer({ autoFreeze: false });

export type { Patch } from 'immer';

/** The way from one state to another, and the way back. */
export interface PatchPair {
  readonly forward: readonly Patch[];
  readonly inverse: readonly Patch[];
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** Whether the change can go into the two values instead of replacing one by the other. */
function isAlike(before: unknown, after: unknown): boolean {
  return (Array.isArray(before) && Array.isArray(after)) || (isFields(before) && isFields(after));
}

/** Changes a draft of `before` into `after`, touching only what differs. */
function change(draft: unknown, before: unknown, after: unknown): void {
  if (Array.isArray(draft) && Array.isArray(before) && Array.isArray(after)) {
    if (after.length < before.length) draft.length = after.length;
    for (let index = 0; index < after.length; index++) {
      if (index < before.length && sameValue(before[index], after[index])) continue;
      if (index < before.length && isAlike(before[index], after[index])) {
        change(draft[index], before[index], after[index]);
      } else draft[index] = after[index] as unknown;
    }
    return;
  }
  if (!isFields(draft) || !isFields(before) || !isFields(after)) return;
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) delete draft[key];
  for (const [key, value] of Object.entries(after)) {
    const isThere = Object.hasOwn(before, key);
    if (isThere && sameValue(before[key], value)) continue;
    if (isThere && isAlike(before[key], value)) change(draft[key], before[key], value);
    else draft[key] = value;
  }
}

/**
 * The patches between two plain states; none where they are equal. To Immer 0 and -0 are the same.
 *
 * @example
 * ```ts
 * patchesBetween({ brk: 1, pid: 7 }, { brk: 2, pid: 7 }).forward; // [{ op: 'replace', path: ['brk'], value: 2 }]
 * ```
 */
export function patchesBetween(before: unknown, after: unknown): PatchPair {
  if (sameValue(before, after)) return { forward: [], inverse: [] };
  if (!isAlike(before, after)) {
    return {
      forward: [{ op: 'replace', path: [], value: after }],
      inverse: [{ op: 'replace', path: [], value: before }],
    };
  }
  const [, forward, inverse] = immer.produceWithPatches(before, (draft: unknown) => change(draft, before, after));
  return { forward, inverse };
}

/**
 * Applies patches; the state that goes in stays as it is.
 *
 * @example
 * ```ts
 * applyPatches({ brk: 1 }, patchesBetween({ brk: 1 }, { brk: 2 }).forward); // { brk: 2 }
 * ```
 */
export function applyPatches<T>(state: T, patches: readonly Patch[]): T {
  // Immer drafts objects and arrays alone; anything else can only have been replaced.
  if (typeof state !== 'object' || state === null) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- patches of a T lead to a T
    return patches.reduce<unknown>((_value, patch) => patch.value as unknown, state) as T;
  }
  return immer.applyPatches(state, patches);
}
