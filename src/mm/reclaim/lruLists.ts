/**
 * The four lists of folios that reclaim works on (`include/linux/mmzone.h:enum lru_list`): active and inactive, of anonymous
 * memory and of files. A folio is in one of them at most; what joins a list joins its head, and reclaim takes from its tail.
 *
 * @models S-10 X-07
 */
import { invariant } from '../../errors.ts';
import { IntMap } from '../intMap.ts';

/** The lists by name, in the order of `enum lru_list`. */
export const LRU_LISTS = ['inactive-anon', 'active-anon', 'inactive-file', 'active-file'] as const;

/** The name of a list. */
export type LruName = (typeof LRU_LISTS)[number];

/** What is kept of a folio on a list. */
export interface LruFolio {
  list: LruName;
  /** Pages of the kernel in it: lists are counted in pages. */
  pages: number;
  /** `PG_referenced`: one access was seen since it came to this list. */
  referenced: boolean;
}

/** An entry as it is stored: the stamp is its place in the list. */
interface Entry extends LruFolio {
  stamp: number;
}

/** The plain form: each list from tail to head. */
export type PlainLru = Record<LruName, { pfn: number; pages: number; referenced: boolean }[]>;

type Queues = Readonly<Record<LruName, IntMap<number>>>;
type Sizes = Readonly<Record<LruName, number>>;

const NO_SIZES: Sizes = { 'inactive-anon': 0, 'active-anon': 0, 'inactive-file': 0, 'active-file': 0 };

function emptyQueues(): Queues {
  const none = IntMap.empty<number>();
  return { 'inactive-anon': none, 'active-anon': none, 'inactive-file': none, 'active-file': none };
}

/**
 * A version of the lists; it never changes, and every change gives another one in O(log n).
 *
 * @example
 * ```ts
 * const lists = LruLists.empty().add('inactive-anon', 64, 16).add('inactive-anon', 80, 16);
 * lists.tail('inactive-anon', 1); // [64]
 * lists.sizeOf('inactive-anon'); // 32
 * lists.add('active-anon', 64, 16).find(64)?.list; // 'active-anon'
 * ```
 */
export class LruLists {
  readonly #entries: IntMap<Entry>;
  readonly #queues: Queues;
  readonly #sizes: Sizes;
  readonly #nextStamp: number;

  constructor(entries: IntMap<Entry>, queues: Queues, sizes: Sizes, nextStamp: number) {
    this.#entries = entries;
    this.#queues = queues;
    this.#sizes = sizes;
    this.#nextStamp = nextStamp;
  }

  static empty(): LruLists {
    return new LruLists(IntMap.empty(), emptyQueues(), NO_SIZES, 0);
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: PlainLru): LruLists {
    let lists = LruLists.empty();
    for (const list of LRU_LISTS) {
      for (const { pfn, pages, referenced } of plain[list]) lists = lists.add(list, pfn, pages, referenced);
    }
    return lists;
  }

  /** Folios on all lists. */
  get count(): number {
    return this.#entries.size;
  }

  /** Pages on a list (`lruvec_lru_size`). */
  sizeOf(list: LruName): number {
    return this.#sizes[list];
  }

  /** What is kept of the folio with that first frame, or null. */
  find(pfn: number): LruFolio | null {
    return this.#entries.get(pfn) ?? null;
  }

  /** The first frames of the `count` folios at the tail of a list, the oldest first. */
  tail(list: LruName, count: number): number[] {
    const found: number[] = [];
    this.#queues[list].forEach(0, Number.MAX_SAFE_INTEGER, (_stamp, pfn) => {
      if (found.length < count) found.push(pfn);
      return found.length < count;
    });
    return found;
  }

  /** Puts a folio at the head of a list, from wherever it was. */
  add(list: LruName, pfn: number, pages: number, referenced = false): LruLists {
    invariant(pages > 0, 'a folio has pages');
    const without = this.remove(pfn);
    const stamp = without.#nextStamp;
    return new LruLists(
      without.#entries.set(pfn, { list, pages, referenced, stamp }),
      { ...without.#queues, [list]: without.#queues[list].set(stamp, pfn) },
      { ...without.#sizes, [list]: without.#sizes[list] + pages },
      stamp + 1,
    );
  }

  /** Takes a folio off its list; nothing happens to one that is on none. */
  remove(pfn: number): LruLists {
    const entry = this.#entries.get(pfn);
    if (entry === undefined) return this;
    const { list, stamp, pages } = entry;
    return new LruLists(
      this.#entries.delete(pfn),
      { ...this.#queues, [list]: this.#queues[list].delete(stamp) },
      { ...this.#sizes, [list]: this.#sizes[list] - pages },
      this.#nextStamp,
    );
  }

  /** Sets or clears `PG_referenced` and leaves the place as it is. */
  mark(pfn: number, referenced: boolean): LruLists {
    const entry = this.#entries.get(pfn);
    if (entry === undefined || entry.referenced === referenced) return this;
    return new LruLists(this.#entries.set(pfn, { ...entry, referenced }), this.#queues, this.#sizes, this.#nextStamp);
  }

  toPlain(): PlainLru {
    const plain: PlainLru = { 'inactive-anon': [], 'active-anon': [], 'inactive-file': [], 'active-file': [] };
    for (const list of LRU_LISTS) {
      this.#queues[list].forEach(0, Number.MAX_SAFE_INTEGER, (_stamp, pfn) => {
        const { pages, referenced } = this.#entries.get(pfn) as Entry;
        plain[list].push({ pfn, pages, referenced });
      });
    }
    return plain;
  }
}
