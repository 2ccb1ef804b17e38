/** The smallest way to what a search found. */
import { GranuleError } from '../../errors.ts';
import type { Discovery, Model } from '../model.ts';
import { shortest, type Tries } from './minimal.ts';
import { withFewSwitches } from './normal.ts';
import { withShortcuts } from './shortcut.ts';
import { switchesIn, type Way, Ways } from './ways.ts';

/** Tries unless told otherwise: each goes a way anew, so that a way of 200 actions costs at most some seconds. */
export const SHRINK_TRIES = 5000;

/** A way before or after it was shrunk. */
export interface WayLength {
  readonly actions: number;
  /** How often it goes from one owner to another. */
  readonly switches: number;
}

/** What came of shrinking a discovery. */
export interface ShrunkPath<S> {
  /** The same property, of the same kind, with the shorter way. */
  readonly discovery: Discovery;
  /** Every state on the way, the initial one first. */
  readonly states: readonly S[];
  readonly before: WayLength;
  readonly after: WayLength;
  readonly tries: number;
  /** No single action of the way can be left out: what then is done shows it no earlier. False where the tries ended first. */
  readonly isMinimal: boolean;
}

function lengthOf<S>({ owners }: Way<S>): WayLength {
  return { actions: owners.length, switches: switchesIn(owners) };
}

/** One round: parts left out, shorter ways taken; the last round leaves the way as it was. */
function minimal<S, A>(ways: Ways<S, A>, begin: Way<S>, tries: Tries): { way: Way<S>; isMinimal: boolean } {
  let way = begin;
  for (;;) {
    const { list, isMinimal } = shortest(
      way,
      {
        lengthOf: ({ path }) => path.keys.length,
        without: (of, at, count) => {
          return ways.on({ of, count: at }, of.path.keys.slice(at + count), of.path.keys.length - 1);
        },
      },
      tries,
    );
    way = withShortcuts(ways, list, tries);
    if (way === list) return { way, isMinimal };
  }
}

/**
 * Shrinks the way to what a search found: parts of it are left out, shorter ways between its states are taken, and it is put in the
 * order that changes owner least. The same model and discovery give the same way.
 *
 * @throws GranuleError USAGE where the way does not show what was found
 * @example
 * ```ts
 * const small = { name: 'small', kind: 'always', says: 'below 2', fault: (n: number) => (n < 2 ? null : `it is ${n}`) };
 * const model = { name: 'up', initial: () => [0], actions: (n: number) => ['up', 'stay'], fingerprint: (n: number) => n,
 *   next: (n: number, how: string) => (how === 'up' ? n + 1 : n), keyOf: String, ownerOf: () => 'n', describe: String,
 *   properties: [small] };
 * const path = { initial: 0, keys: ['stay', 'up', 'stay', 'up'] };
 * shrinkPath(model, { property: 'small', kind: 'always', path, fault: '' }).discovery.path.keys; // ['up', 'up']
 * ```
 */
export function shrinkPath<S, A>(
  model: Model<S, A>,
  discovery: Discovery,
  { tries: most = SHRINK_TRIES }: { readonly tries?: number } = {},
): ShrunkPath<S> {
  const ways = new Ways(model, discovery);
  const begin = ways.gone(discovery.path);
  if (begin === null) {
    const { keys } = discovery.path;
    throw new GranuleError('USAGE', `a way of ${keys.length} actions does not break ${discovery.property}`, model.name);
  }
  const tries: Tries = { left: most };
  let found = minimal(ways, begin, tries);
  // Another order may be one from which more can be left out.
  for (;;) {
    const ordered = withFewSwitches(ways, found.way, tries);
    const again = ordered === found.way ? found : minimal(ways, ordered, tries);
    const isDone = again.way.path.keys.length === ordered.path.keys.length;
    found = again;
    if (isDone) break;
  }
  const { way, isMinimal } = found;
  return {
    discovery: {
      property: discovery.property,
      kind: discovery.kind,
      path: way.path,
      fault: way.verdict.fault,
      ...(way.verdict.circleLength === undefined ? {} : { circleLength: way.verdict.circleLength }),
    },
    states: way.states,
    before: { actions: discovery.path.keys.length, switches: lengthOf(begin).switches },
    after: lengthOf(way),
    tries: most - tries.left,
    isMinimal,
  };
}
