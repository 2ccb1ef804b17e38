import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntMap } from '../../src/mm/intMap.ts';

/** Keys that collide in nodes, sit at the borders of levels, and reach the top of the range. */
const keys = fc.oneof(
  fc.nat(100),
  fc.constantFrom(31, 32, 1023, 1024, 2 ** 30 - 1, 2 ** 30, 2 ** 35, 2 ** 50, 2 ** 52 - 1),
  fc.maxSafeNat().map((key) => key % 2 ** 52),
);
const writes = fc.array(fc.record({ key: keys, value: fc.option(fc.nat(1000)) }), { maxLength: 80 });

function write(map: IntMap<number>, model: Map<number, number>, list: { key: number; value: number | null }[]) {
  const edit = map.edit();
  for (const { key, value } of list) {
    if (value === null) expect(edit.delete(key)).toBe(model.delete(key));
    else {
      edit.set(key, value);
      model.set(key, value);
    }
  }
  return edit.done();
}

function sorted(model: Map<number, number>): [number, number][] {
  return [...model].sort((a, b) => a[0] - b[0]);
}

describe('an integer map', () => {
  test('holds what a plain map holds, in ascending order, and every earlier version stays as it was', () => {
    fc.assert(
      fc.property(fc.array(writes, { maxLength: 5 }), (rounds) => {
        const model = new Map<number, number>();
        let map = IntMap.empty<number>();
        const versions: [IntMap<number>, [number, number][]][] = [];
        for (const round of rounds) {
          map = write(map, model, round);
          versions.push([map, sorted(model)]);
        }
        for (const [version, entries] of versions) {
          expect([...version.entries()]).toEqual(entries);
          expect(version.size).toBe(entries.length);
        }
      }),
    );
  });

  test('finds the nearest key on either side and visits a range as a plain map would', () => {
    fc.assert(
      fc.property(writes, keys, keys, (list, from, to) => {
        const model = new Map<number, number>();
        const map = write(IntMap.empty(), model, list);
        const entries = sorted(model);
        expect(map.get(from)).toBe(model.get(from));
        expect(map.first(from)?.key).toBe(entries.find(([key]) => key >= from)?.[0]);
        expect(map.last(from)?.key).toBe(entries.findLast(([key]) => key <= from)?.[0]);
        const visited: [number, number][] = [];
        map.forEach(from, to, (key, value) => {
          visited.push([key, value]);
        });
        expect(visited).toEqual(entries.filter(([key]) => key >= from && key < to));
      }),
    );
  });

  test('comes back from plain data the same', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const plain = write(IntMap.empty(), new Map(), list).toPlain();
        expect(IntMap.fromPlain(plain).toPlain()).toEqual(plain);
      }),
    );
  });

  test('stops a visit that answers false', () => {
    const map = IntMap.fromPlain({ keys: [1, 40, 5000], values: ['a', 'b', 'c'] });
    const seen: number[] = [];
    map.forEach(0, 2 ** 52, (key) => {
      seen.push(key);
      return key < 40;
    });
    expect(seen).toEqual([1, 40]);
  });

  test('shares all nodes but one path with the version it came from', () => {
    const values = Array.from({ length: 2000 }, (_, key) => ({ key }));
    const before = IntMap.fromPlain({ keys: values.map((value) => value.key), values });
    const after = before.set(7, { key: -7 });
    expect(before.get(7)).toEqual({ key: 7 });
    expect([...after.entries()].filter(([key, value]) => before.get(key) !== value).map(([key]) => key)).toEqual([7]);
  });

  test('keeps no empty node and no needless level after deletions', () => {
    const nodesBelow = (node: { count: number; children: (typeof node | undefined)[] }, height: number): number =>
      node.children.reduce((nodes, child) => {
        if (child === undefined) return nodes;
        expect(child.count).toBeGreaterThan(0);
        return nodes + nodesBelow(child, height - 1);
      }, 1);
    fc.assert(
      fc.property(fc.array(keys, { minLength: 1, maxLength: 60 }), fc.nat(31), (list, kept) => {
        const edit = IntMap.empty<number>().edit();
        for (const key of [...list, kept]) edit.set(key, key);
        for (const key of list) if (key !== kept) edit.delete(key);
        const map = edit.done();
        expect([...map.entries()]).toEqual([[kept, kept]]);
        expect(nodesBelow(Reflect.get(map, 'root'), Reflect.get(map, 'height'))).toBe(1);
      }),
    );
  });

  test('refuses keys out of range, undefined, and writes after it was sealed', () => {
    const edit = IntMap.empty<number | undefined>().edit();
    for (const key of [-1, 0.5, 2 ** 52, Number.NaN]) expect(() => edit.set(key, 1)).toThrow('0 to 2^52 - 1');
    expect(() => edit.set(1, undefined)).toThrow('undefined');
    expect(edit.get(-1)).toBeUndefined();
    edit.done();
    expect(() => edit.set(1, 1)).toThrow('after done');
  });
});
