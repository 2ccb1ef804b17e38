/** Which owners a reduction takes for one: their actions are dependent, in whatever state. */
import type { Property } from '../model.ts';
import { Interned } from './growing.ts';
import { OWNER_CLASSES_MAX } from './limits.ts';

/** Whether the order of actions can be seen by a property on the way, and not in the end alone. */
function looksOnTheWay<S>(property: Property<S>): boolean {
  return property.kind !== 'at-end';
}

/**
 * Classes of owners. Each owner is a class of its own, but that owners which one property reads together are in one class, and
 * that owners beyond the number of bits share the last one. Owners become known while a search runs, so that two classes may turn
 * out to be one.
 *
 * @example
 * ```ts
 * const reads = (owner: string) => owner !== 'c';
 * const classes = new OwnerClasses([{ name: 'p', kind: 'always', says: '', fault: () => null, reads }]);
 * classes.classOf('a') === classes.classOf('b'); // true
 * classes.classOf('a') === classes.classOf('c'); // false
 * ```
 */
export class OwnerClasses<S> {
  readonly #properties: readonly Property<S>[];
  readonly #owners = new Interned();
  readonly #classes: number[] = [];
  /** The class of what each property reads; -1 while it reads nobody known. */
  readonly #readBy: number[];
  #nextClass = 0;
  #merges = 0;

  constructor(properties: readonly Property<S>[]) {
    this.#properties = properties.filter(looksOnTheWay);
    this.#readBy = this.#properties.map(() => -1);
  }

  /** How often two classes turned out to be one: what was taken for independent before may not be. */
  get merges(): number {
    return this.#merges;
  }

  /** 0 to `OWNER_CLASSES_MAX` - 1. */
  classOf(owner: string): number {
    const number = this.#owners.numberOf(owner);
    return this.#classes[number] ?? this.#admit(number, owner);
  }

  #admit(number: number, owner: string): number {
    const readers = [...this.#properties.keys()].filter((index) => this.#properties[index]?.reads?.(owner) ?? true);
    const joined = new Set(readers.map((index) => this.#readBy[index] ?? -1).filter((found) => found >= 0));
    const [kept = this.#newClass(), ...others] = [...joined].sort((left, right) => left - right);
    for (const other of others) this.#merge(kept, other);
    for (const index of readers) this.#readBy[index] = kept;
    this.#classes[number] = kept;
    return kept;
  }

  #newClass(): number {
    const found = Math.min(this.#nextClass, OWNER_CLASSES_MAX - 1);
    this.#nextClass += 1;
    return found;
  }

  #merge(kept: number, gone: number): void {
    this.#merges += 1;
    for (const list of [this.#classes, this.#readBy]) {
      for (const [index, found] of list.entries()) if (found === gone) list[index] = kept;
    }
  }
}

/** Items of a state: triples of class, mask and roots in one list. */
const TRIPLE = 3;

/**
 * What can come of each class behind a state first, as far as the search has seen: `class`; `mask`, the classes that have to act
 * before it; `roots`, which of the state's actions may come first on a way to it, itself among them if it is one. Of two items of a
 * class of which one needs no more than the other, that one is enough.
 *
 * @example
 * ```ts
 * const first = new FirstOfClass();
 * first.add(0, 2, 0b1, 0b11); // true
 * first.add(0, 2, 0b1, 0b111); // false
 * first.add(0, 2, 0, 0b1); // true
 * [...first.of(0)]; // [{ class: 2, mask: 0, roots: 1 }]
 * ```
 */
export class FirstOfClass {
  readonly #items: number[][] = [];

  *of(id: number): Generator<{ class: number; mask: number; roots: number }> {
    const items = this.#items[id] ?? [];
    for (let at = 0; at < items.length; at += TRIPLE) {
      yield { class: items[at] ?? 0, mask: items[at + 1] ?? 0, roots: items[at + 2] ?? 0 };
    }
  }

  /** Whether it says something new. */
  add(id: number, found: number, mask: number, roots: number): boolean {
    const items = (this.#items[id] ??= []);
    for (let at = 0; at < items.length; at += TRIPLE) {
      if (items[at] === found && isIn(items[at + 1] ?? 0, mask) && isIn(items[at + 2] ?? 0, roots)) return false;
    }
    let kept = 0;
    for (let at = 0; at < items.length; at += TRIPLE) {
      const isNeedless = items[at] === found && isIn(mask, items[at + 1] ?? 0) && isIn(roots, items[at + 2] ?? 0);
      if (isNeedless) continue;
      items.copyWithin(kept, at, at + TRIPLE);
      kept += TRIPLE;
    }
    items.length = kept;
    items.push(found, mask, roots);
    return true;
  }
}

function isIn(part: number, whole: number): boolean {
  return (part & ~whole) === 0;
}
