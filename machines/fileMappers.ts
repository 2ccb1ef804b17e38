/** The mms that map a file: found by mm and counted by order, however many there are. */
import { KeyedList } from '../src/mm/keyedList.ts';

/** An mm that maps a file, with the least order that it needs. */
export interface Mapper {
  mm: string;
  orderPages: number;
}

const NAME = 'mm:';

/**
 * The process that an mm belongs to: its open file is the one that it maps and reads.
 *
 * @example
 * ```ts
 * pidOfMm('mm:7'); // 7
 * ```
 */
export function pidOfMm(mm: string): number {
  return Number(mm.slice(NAME.length));
}

/**
 * Who maps a file, last mapped last. Its plain form is the list.
 *
 * @example
 * ```ts
 * const mappers = Mappers.fromPlain([{ mm: 'mm:1', orderPages: 4 }, { mm: 'mm:2', orderPages: 0 }]);
 * mappers.largestOrder; // 4
 * mappers.without('mm:1').largestOrder; // 0
 * ```
 */
export class Mappers {
  readonly #list: KeyedList<Mapper>;
  /** How many need each order. */
  readonly #byOrder: readonly number[];

  constructor(list: KeyedList<Mapper>, byOrder: readonly number[]) {
    this.#list = list;
    this.#byOrder = byOrder;
  }

  /** The inverse of `toPlain`. */
  static fromPlain(plain: readonly Mapper[]): Mappers {
    return plain.reduce((mappers, mapper) => mappers.with(mapper), NOBODY);
  }

  get length(): number {
    return this.#list.length;
  }

  /** The largest order that anyone needs, 0 where nobody maps the file. */
  get largestOrder(): number {
    return Math.max(
      0,
      this.#byOrder.findLastIndex((count) => count > 0),
    );
  }

  /** With a mapper, in the place of what the same mm needed before. */
  with(mapper: Mapper): Mappers {
    const { mm, orderPages } = mapper;
    const others = this.without(mm);
    const byOrder = others.#byOrder.slice();
    while (byOrder.length <= orderPages) byOrder.push(0);
    byOrder[orderPages]++;
    return new Mappers(others.#list.with(mapper), byOrder);
  }

  without(mm: string): Mappers {
    const pid = pidOfMm(mm);
    const before = this.#list.get(pid);
    if (before === undefined) return this;
    return new Mappers(
      this.#list.without(pid),
      this.#byOrder.with(before.orderPages, this.#byOrder[before.orderPages] - 1),
    );
  }

  [Symbol.iterator](): Iterator<Mapper> {
    return this.#list[Symbol.iterator]();
  }

  toPlain(): Mapper[] {
    return this.#list.toPlain();
  }
}

const NOBODY: Mappers = new Mappers(
  KeyedList.empty(({ mm }) => pidOfMm(mm)),
  [],
);
