/** Shorter ways between two states of a way: a small search in breadth from each of its states. */
import { takeTry, type Tries } from './minimal.ts';
import type { Way, Ways } from './ways.ts';

/** States that are looked at from one state of a way: enough for ways round of a few actions, and each costs one transition. */
export const NEARBY_STATES = 1000;

/** A state that was reached from the place where the search began. */
interface Reached<S> {
  readonly state: S;
  readonly key: string;
  readonly before: Reached<S> | null;
  readonly depth: number;
}

function keysTo<S>(reached: Reached<S>): string[] {
  const keys: string[] = [];
  // The first was reached by no action.
  for (let at = reached; at.before !== null; at = at.before) keys.push(at.key);
  return keys.reverse();
}

/** The place of each state of a way, by fingerprint: the last where it has one twice. */
function placesOf<S, A>(ways: Ways<S, A>, way: Way<S>): ReadonlyMap<number, number> {
  return new Map(way.states.map((state, place) => [ways.model.fingerprint(state), place]));
}

/**
 * A shorter way that leaves this one behind so many actions: either to a later state of it in fewer actions, or at once to what was
 * found. Null where none is near.
 */
function shorterFrom<S, A>(ways: Ways<S, A>, way: Way<S>, from: number, places: ReadonlyMap<number, number>) {
  const { model } = ways;
  const length = way.path.keys.length;
  const begin: Reached<S> = { state: way.states[from], key: '', before: null, depth: 0 };
  const seen = new Set([model.fingerprint(begin.state)]);
  const queue = [begin];
  for (let head = 0; head < queue.length && queue.length < NEARBY_STATES; head++) {
    const at = queue[head];
    // One more action could not be fewer than the way takes to its end.
    if (from + at.depth + 1 >= length) return null;
    for (const action of model.isWithin?.(at.state) === false ? [] : model.actions(at.state)) {
      const next = model.next(at.state, action);
      if (next === null) continue;
      const name = model.fingerprint(next);
      if (seen.has(name)) continue;
      seen.add(name);
      const reached = { state: next, key: model.keyOf(action), before: at, depth: at.depth + 1 };
      const place = places.get(name);
      const isShorter = place !== undefined && place - from > reached.depth;
      const behind = isShorter ? way.path.keys.slice(place) : [];
      const most = isShorter ? length - 1 : from + reached.depth;
      const found =
        isShorter || ways.showsAt(next)
          ? ways.on({ of: way, count: from }, [...keysTo(reached), ...behind], most)
          : null;
      if (found !== null) return found;
      queue.push(reached);
    }
  }
  return null;
}

/**
 * A way that takes shorter ways where there are any near it.
 *
 * @example
 * ```ts
 * const far = { name: 'near', kind: 'always', says: 'below 8', fault: (n: number) => (n < 8 ? null : `it is ${n}`) };
 * const model = { name: 'steps', initial: () => [0], actions: () => [4, 1], next: (n: number, by: number) => n + by,
 *   fingerprint: (n: number) => n, keyOf: String, ownerOf: () => 'n', describe: String, properties: [far] };
 * const ways = new Ways(model, { property: 'near', kind: 'always' });
 * const long = ways.gone({ initial: 0, keys: Array.from({ length: 8 }, () => '1') });
 * long === null ? [] : withShortcuts(ways, long, { left: 100 }).path.keys; // ['4', '4']
 * ```
 */
export function withShortcuts<S, A>(ways: Ways<S, A>, begin: Way<S>, tries: Tries): Way<S> {
  let way = begin;
  let places = placesOf(ways, way);
  for (let from = 0; from < way.path.keys.length; ) {
    if (!takeTry(tries)) return way;
    const found = shorterFrom(ways, way, from, places);
    if (found === null) from += 1;
    else {
      way = found;
      places = placesOf(ways, way);
    }
  }
  return way;
}
