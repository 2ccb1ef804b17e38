/** Ways of one length, told with as few changes of owner as can be: what belongs together then stands together. */
import { takeTry, type Tries } from './minimal.ts';
import { switchesIn, type Way, type Ways } from './ways.ts';

/** Places of a way at which actions of another owner begin. */
function beginnings(owners: readonly string[]): number[] {
  return owners.flatMap((owner, at) => (at === 0 || owner !== owners[at - 1] ? [at] : []));
}

/** The way with the block that begins at `later` moved up to `to`; null where that is no such way, or changes owner as often. */
function moved<S, A>(ways: Ways<S, A>, way: Way<S>, to: number, later: number): Way<S> | null {
  const { keys } = way.path;
  let end = later + 1;
  while (end < keys.length && way.owners[end] === way.owners[later]) end += 1;
  const others = [...keys.slice(later, end), ...keys.slice(to, later), ...keys.slice(end)];
  const found = ways.on({ of: way, count: to }, others, keys.length);
  return found !== null && switchesIn(found.owners) < switchesIn(way.owners) ? found : null;
}

/**
 * A way of the same length, or a shorter one, on which no block of actions of one owner can be joined to an earlier one of its own.
 *
 * @example
 * ```ts
 * const all = { name: 'few', kind: 'always', says: 'fewer than 4', fault: (s: string) => (s.length < 4 ? null : s) };
 * const model = { name: 'two', initial: () => [''], actions: () => ['a', 'b'], next: (s: string, by: string) => s + by,
 *   fingerprint: (s: string) => parseInt(`1${s}`, 36), keyOf: String, ownerOf: String, describe: String, properties: [all] };
 * const ways = new Ways(model, { property: 'few', kind: 'always' });
 * const way = ways.gone({ initial: 0, keys: ['a', 'b', 'a', 'b'] });
 * way === null ? [] : withFewSwitches(ways, way, { left: 9 }).path.keys; // ['a', 'a', 'b', 'b']
 * ```
 */
export function withFewSwitches<S, A>(ways: Ways<S, A>, begin: Way<S>, tries: Tries): Way<S> {
  let way = begin;
  for (let isSame = false; !isSame; ) {
    isSame = true;
    const blocks = beginnings(way.owners);
    search: for (const to of blocks.slice(1)) {
      for (const later of blocks) {
        if (later <= to || way.owners[later] !== way.owners[to - 1]) continue;
        if (!takeTry(tries)) return way;
        const found = moved(ways, way, to, later);
        if (found === null) continue;
        way = found;
        isSame = false;
        break search;
      }
    }
  }
  return way;
}
