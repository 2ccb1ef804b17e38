/** What properties read of a system. */
/* oxlint-disable typescript/no-unnecessary-type-parameters -- whoever asks for a context knows of which kind the actor is */
import type { LawSight } from '../../../topology/lawSight.ts';

/** Nobody counts what is looked at here. */
export const UNCOUNTED = { checked: 0 };

/**
 * The actors of a kind.
 *
 * @example
 * ```ts
 * idsOf(['mm:1', 'mmu:1'], 'mm'); // ['mm:1']
 * ```
 */
export function idsOf(ids: readonly string[], kind: string): string[] {
  return ids.filter((id) => id.startsWith(`${kind}:`));
}

/**
 * What stands behind the kind in an id.
 *
 * @example
 * ```ts
 * pidOf('mmu:7'); // '7'
 * ```
 */
export function pidOf(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}

/**
 * The context of an actor, of whose kind whoever asks knows.
 *
 * @example
 * ```ts
 * const sight: LawSight = { actors: ['zone'], snapshot: () => ({ context: { name: 'p' }, value: 'idle' }) };
 * contextOf<{ readonly name: string }>(sight, 'zone').name; // 'p'
 * ```
 */
export function contextOf<T>(sight: LawSight, id: string): T {
  return sight.snapshot(id).context as T;
}
