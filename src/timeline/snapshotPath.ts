/** A path into the plain state { value, status, context } of an actor, read out of its snapshots. */
import { plainContext } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import { stateValueOf } from '../runtime/xstateAdapter.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';
import { parsePath, type PathStep, valueAt } from './statePath.ts';

/**
 * Reads a value out of snapshots; makes only the field of the context plain that the path goes into.
 *
 * @throws GranuleError USAGE from the constructor, where the path does not begin with value, status or context
 * @example
 * ```ts
 * new SnapshotPath('kontext.brk'); // throws USAGE
 * ```
 */
export class SnapshotPath {
  readonly #steps: readonly PathStep[];
  readonly #field: string | null;

  /** @param path as text or in steps; none is the whole state */
  constructor(path: string | readonly PathStep[]) {
    this.#steps = typeof path === 'string' ? parsePath(path) : path;
    const [root, field] = this.#steps;
    const isRoot = root?.kind === 'field' && ['value', 'status', 'context'].includes(root.name);
    if (!isRoot && (root !== undefined || typeof path === 'string')) {
      const what = `a path into a state begins with value, status or context, not "${typeof path === 'string' ? path : ''}"`;
      throw new GranuleError('USAGE', what, 'path');
    }
    this.#field = isRoot && root.name === 'context' && field?.kind === 'field' ? field.name : null;
  }

  /** True where the value cannot differ, by identity of what it lies in. */
  isSame(left: ActorSnapshot, right: ActorSnapshot): boolean {
    if (left === right) return true;
    return this.#field !== null && this.#part(left) === this.#part(right);
  }

  /** The value in a snapshot; undefined where the path leads nowhere. */
  value(snapshot: ActorSnapshot): unknown {
    const context = this.#field === null ? snapshot.context : { [this.#field]: this.#part(snapshot) };
    const state = { value: stateValueOf(snapshot), status: snapshot.status, context: plainContext(context) };
    return valueAt(state, this.#steps);
  }

  #part(snapshot: ActorSnapshot): unknown {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
    return (snapshot.context as Record<string, unknown>)[this.#field ?? ''];
  }
}
