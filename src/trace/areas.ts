import { invariant } from '../errors.ts';
import type { ByteRange } from './layout.ts';

/**
 * A file mapping that a trace made inside an area: old addresses, and the file offset of its start.
 *
 * @example
 * ```ts
 * const text: FileMapping = { start: 0x1000, end: 0x3000, offsetBytes: 0, file: 'libx.so' };
 * text.file; // 'libx.so'
 * ```
 */
export interface FileMapping {
  start: number;
  end: number;
  offsetBytes: number;
  file: string;
}

/**
 * A stretch of old addresses that moves as one: a mapping with everything that was ever put into it, joined with the
 * mappings that one call treats together with it. `cuts` says where its parts must begin in a page of their own.
 *
 * @example
 * ```ts
 * const areas = new AreaSet();
 * areas.get(areas.create('mapped', { start: 0x1000, end: 0x3000 }, 0)).cuts.size; // 2
 * ```
 */
export interface Area {
  /** `heap` and `stack` keep their inner distances: they are never cut. */
  kind: 'mapped' | 'heap' | 'stack';
  start: number;
  end: number;
  /** Addresses where a part begins or ends, with how many reasons there are for it. */
  cuts: Map<number, number>;
  files: FileMapping[];
  /** Ordinals of the calls before which it came, and with which its last byte was unmapped (null: never). */
  born: number;
  died: number | null;
  mappedBytes: number;
}

/**
 * The areas of a trace, joined as its calls demand (a union-find).
 *
 * @example
 * ```ts
 * const areas = new AreaSet();
 * const low = areas.create('mapped', { start: 0x1000, end: 0x2000 }, 0);
 * const high = areas.create('mapped', { start: 0x2000, end: 0x3000 }, 1);
 * areas.join([low, high]);
 * areas.get(high).start; // 0x1000
 * ```
 */
export class AreaSet {
  private readonly parents: number[] = [];
  private readonly areas: Area[] = [];

  /** A new area; returns its number. */
  create(kind: Area['kind'], range: ByteRange, born: number): number {
    const cuts = new Map([
      [range.start, 1],
      [range.end, 1],
    ]);
    this.areas.push({ kind, ...range, cuts, files: [], born, died: null, mappedBytes: 0 });
    this.parents.push(this.areas.length - 1);
    return this.areas.length - 1;
  }

  /** The number of the area that a number stands for now. */
  find(number: number): number {
    let root = number;
    while (this.parents[root] !== root) root = this.parents[root];
    // Path halving would do; the chains are short, so the whole path is pointed at its end.
    for (let at = number; at !== root; ) {
      const next = this.parents[at];
      this.parents[at] = root;
      at = next;
    }
    return root;
  }

  get(number: number): Area {
    return this.areas[this.find(number)];
  }

  /** Makes several areas one. Heap and stack stay by themselves. Returns the number of the joined area. */
  join(numbers: number[]): number {
    const roots = [...new Set(numbers.map((number) => this.find(number)))].filter(
      (root, _, all) => all.length === 1 || this.areas[root].kind === 'mapped',
    );
    const [root, ...others] = roots.length > 0 ? roots : numbers.map((number) => this.find(number));
    invariant(root !== undefined, 'there is an area to join');
    const into = this.areas[root];
    for (const other of roots.length > 0 ? others : []) {
      const from = this.areas[other];
      this.parents[other] = root;
      into.start = Math.min(into.start, from.start);
      into.end = Math.max(into.end, from.end);
      into.born = Math.min(into.born, from.born);
      into.mappedBytes += from.mappedBytes;
      into.files.push(...from.files);
      for (const [addr, reasons] of from.cuts) this.cut(root, addr, reasons);
    }
    return root;
  }

  /** Adds or takes away reasons to cut an area at an address. */
  cut(number: number, addr: number, reasons: number): void {
    const { cuts } = this.get(number);
    const left = (cuts.get(addr) ?? 0) + reasons;
    if (left > 0) cuts.set(addr, left);
    else cuts.delete(addr);
  }

  /** Lets an area reach over a range as well. */
  extend(number: number, range: ByteRange): void {
    const area = this.get(number);
    area.start = Math.min(area.start, range.start);
    area.end = Math.max(area.end, range.end);
  }

  /** Numbers of the areas that stand for themselves, in the order in which they came. */
  roots(): number[] {
    return this.parents.map((_, number) => number).filter((number) => this.find(number) === number);
  }
}
