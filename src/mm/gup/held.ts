/**
 * What a holder of pins has: which pages, and of which address they were when it took them. Unpinning goes by pieces: any part
 * of what is held may go alone, as `unpin_user_pages` takes any list of pages.
 *
 * @models S-08
 */

/** `nr` pages from `pfn` on, each pinned once, that were mapped from `va` on in the mm of `pid`. */
export interface HeldPin {
  pid: number;
  va: number;
  pfn: number;
  nr: number;
  /** Anonymous memory: it must stay this mm's own for as long as the pin lasts. */
  anon: boolean;
  write: boolean;
  longterm: boolean;
}

function joins(a: HeldPin, b: HeldPin, pageBytes: number): boolean {
  const follows = a.pid === b.pid && b.va === a.va + a.nr * pageBytes && b.pfn === a.pfn + a.nr;
  return follows && a.anon === b.anon && a.write === b.write && a.longterm === b.longterm;
}

/**
 * Takes pins into a list; neighbours in address and frame become one.
 *
 * @example
 * ```ts
 * const page = { pid: 1, va: 0x10000, pfn: 16, nr: 1, anon: true, write: true, longterm: false };
 * addHeld([page], [{ ...page, va: 0x11000, pfn: 17 }], 4096)[0]?.nr; // 2
 * ```
 */
export function addHeld(held: readonly HeldPin[], pins: readonly HeldPin[], pageBytes: number): HeldPin[] {
  const list = [...held];
  for (const pin of pins) {
    const last = list.at(-1);
    if (last !== undefined && joins(last, pin, pageBytes)) list[list.length - 1] = { ...last, nr: last.nr + pin.nr };
    else list.push(pin);
  }
  return list;
}

/**
 * Parts the pins of a range of addresses from the rest; one that reaches over a border is cut.
 *
 * @example
 * ```ts
 * const four = { pid: 1, va: 0x10000, pfn: 16, nr: 4, anon: true, write: true, longterm: false };
 * const { taken, left } = takeHeld([four], 1, { startVa: 0x11000, endVa: 0x12000 }, 4096);
 * [taken[0]?.pfn, left.map(({ nr }) => nr)]; // [17, [1, 2]]
 * ```
 */
export function takeHeld(
  held: readonly HeldPin[],
  pid: number,
  range: { startVa: number; endVa: number },
  pageBytes: number,
): { taken: HeldPin[]; left: HeldPin[] } {
  const taken: HeldPin[] = [];
  const left: HeldPin[] = [];
  for (const pin of held) {
    const endVa = pin.va + pin.nr * pageBytes;
    const from = Math.max(pin.va, range.startVa);
    const to = Math.min(endVa, range.endVa);
    if (pin.pid !== pid || from >= to) {
      left.push(pin);
      continue;
    }
    const part = (startVa: number, stopVa: number): HeldPin => {
      return { ...pin, va: startVa, pfn: pin.pfn + (startVa - pin.va) / pageBytes, nr: (stopVa - startVa) / pageBytes };
    };
    taken.push(part(from, to));
    if (from > pin.va) left.push(part(pin.va, from));
    if (to < endVa) left.push(part(to, endVa));
  }
  return { taken, left };
}

/**
 * Pages that are held, each as often as it is.
 *
 * @example
 * ```ts
 * heldPages([{ pid: 1, va: 0, pfn: 16, nr: 4, anon: true, write: true, longterm: false }]); // 4
 * ```
 */
export function heldPages(held: readonly HeldPin[]): number {
  return held.reduce((sum, { nr }) => sum + nr, 0);
}
