/**
 * The pages that a stream of accesses touched last, the most recent first: the top of its LRU stack (Mattson et al., Evaluation
 * techniques for storage hierarchies, 1970). An LRU array of more entries than the stack is deep holds every page in it.
 */

/** The page id of a place that holds none. */
export const NO_PAGE = -1;

/**
 * The top of an LRU stack.
 *
 * @example
 * ```ts
 * const stack = new RecencyStack(2);
 * for (const page of [7, 8, 9]) stack.touch(page, page, false);
 * [...stack.ids]; // [9, 8]
 * ```
 */
export class RecencyStack {
  readonly depth: number;
  /** Page ids, the most recent first; {@link NO_PAGE} where the stack is not full yet. */
  readonly ids: Int32Array;
  /** When each was touched last, by the number of the run. */
  readonly touches: Uint32Array;
  /** Whether each has been written since it came in. */
  readonly wrote: Uint8Array;

  constructor(depth: number) {
    this.depth = depth;
    this.ids = new Int32Array(depth).fill(NO_PAGE);
    this.touches = new Uint32Array(depth);
    this.wrote = new Uint8Array(depth);
  }

  /** Notes an access. */
  touch(id: number, run: number, write: boolean): void {
    const { ids, touches, wrote, depth } = this;
    let heldId = ids[0];
    let heldTouch = touches[0];
    let heldWrote = wrote[0];
    ids[0] = id;
    touches[0] = run;
    // All above the page's old place move down by one; what is in hand at the end is the page as it was, or what falls out.
    for (let place = 1; heldId !== id && place < depth; place++) {
      const nextId = ids[place];
      const nextTouch = touches[place];
      const nextWrote = wrote[place];
      ids[place] = heldId;
      touches[place] = heldTouch;
      wrote[place] = heldWrote;
      heldId = nextId;
      heldTouch = nextTouch;
      heldWrote = nextWrote;
    }
    wrote[0] = write || (heldId === id && heldWrote === 1) ? 1 : 0;
  }

  /** Takes over the stack that is kept at an index. */
  load({ ids, touches, wrote }: SavedStacks, index: number): void {
    const from = index * this.depth;
    for (let place = 0; place < this.depth; place++) {
      this.ids[place] = ids[from + place];
      this.touches[place] = touches[from + place];
      this.wrote[place] = wrote[from + place];
    }
  }
}

/** Stacks of one depth, one after the other. */
export interface SavedStacks {
  readonly ids: Int32Array;
  readonly touches: Uint32Array;
  readonly wrote: Uint8Array;
}

/**
 * Room for so many stacks.
 *
 * @example
 * ```ts
 * savedStacks(2, 10).ids.length; // 20
 * ```
 */
export function savedStacks(depth: number, count: number): SavedStacks {
  const places = depth * count;
  return {
    ids: new Int32Array(places),
    touches: new Uint32Array(places),
    wrote: new Uint8Array(places),
  };
}
