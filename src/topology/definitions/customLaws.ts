/** The laws that definitions bring along, looked at in the checked mode after each event of an actor of their kind. */
import type { MessageRecord } from '../../runtime/envelope.ts';
import type { LawSight } from '../lawSight.ts';
import type { StandIns } from '../lawsLooked.ts';
import type { Look } from './actorTypes.ts';
import { builtIns, type Catalogue } from './catalogue.ts';

/** What is broken after an event, in words; null where nothing is. */
export type LawCheck = (record: Pick<MessageRecord, 'to'>, system: Pick<LawSight, 'snapshot'>) => string | null;

/**
 * The laws of all definitions of a catalogue as one check; `standIns` tells whose actors have the ids of built-in kinds.
 *
 * @example
 * ```ts
 * customLaws(builtIns)({ to: 'disk' }, createSystem({ actors: [] })); // null
 * ```
 */
export function customLaws(catalogue: Catalogue = builtIns, standIns: StandIns = new Map()): LawCheck {
  const byId = new Map<string, string>([...standIns].map(([kind, { by }]) => [kind, by]));
  return ({ to }, system) => {
    const own = to.split(':', 1)[0] ?? '';
    const kind = byId.get(own) ?? own;
    const definition = catalogue.actors.get(kind);
    const look = ((id) => system.snapshot(id).context) as Look;
    for (const { name, broken } of definition?.laws ?? []) {
      const what = broken(system.snapshot(to).context as never, look);
      if (what !== null) return `"${name}" of ${kind} does not hold of ${to}: ${what}`;
    }
    return null;
  };
}
