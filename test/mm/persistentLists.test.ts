import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntRecord } from '../../src/mm/intRecord.ts';
import { KeyedList } from '../../src/mm/keyedList.ts';
import { PathMap } from '../../src/mm/pathMap.ts';
import { PersistentList } from '../../src/mm/persistentList.ts';

/** A key with a value to set, or null to take it out. */
const writes = fc.array(fc.tuple(fc.oneof(fc.nat(40), fc.nat(3000)), fc.option(fc.nat(99))), { maxLength: 120 });

describe('a record by integers', () => {
  test('is the plain object that the same writes make, and earlier versions stay', () => {
    fc.assert(
      fc.property(writes, (list) => {
        let record = IntRecord.empty<number>();
        const model: Record<number, number> = {};
        for (const [key, value] of list) {
          const before = record;
          const plain = before.toPlain();
          if (value === null) {
            record = record.without(key);
            delete model[key];
          } else {
            record = record.with(key, value);
            model[key] = value;
          }
          expect(before.toPlain()).toEqual(plain);
          expect([record.get(key), record.has(key)]).toEqual([model[key], key in model]);
        }
        expect(Object.entries(record.toPlain())).toEqual(Object.entries(model));
        expect([...record.entries()].map(([key]) => key)).toEqual(Object.keys(model).map(Number));
        expect(record.size).toBe(Object.keys(model).length);
        expect(IntRecord.fromPlain(record.toPlain()).toPlain()).toEqual(model);
      }),
    );
  });
});

/** Values to push, an index to write to, or null to take the front. */
const listStep = fc.oneof(fc.array(fc.nat(), { maxLength: 40 }), fc.nat(50), fc.constant(null));

describe('a list', () => {
  test('is the array that the same pushes, writes and shifts make, and earlier versions stay', () => {
    fc.assert(
      fc.property(fc.array(listStep, { maxLength: 60 }), (steps) => {
        let list = PersistentList.empty<number>();
        const model: number[] = [];
        for (const step of steps) {
          const before = list;
          const plain = before.toPlain();
          if (step === null) {
            if (model.length > 0) list = list.shift();
            model.shift();
          } else if (typeof step === 'number') {
            if (step >= model.length) continue;
            list = list.with(step, -step);
            model[step] = -step;
          } else {
            list = step.length === 1 ? list.push(step[0]) : list.pushAll(step);
            model.push(...step);
          }
          expect(before.toPlain()).toEqual(plain);
          expect([list.at(0), list.at(7), list.length]).toEqual([model[0], model[7], model.length]);
        }
        expect([...list]).toEqual(model);
        expect(PersistentList.fromPlain(list.toPlain()).toPlain()).toEqual(model);
      }),
    );
  });

  test('without anything has no front to take and no place to write to', () => {
    expect(() => PersistentList.empty().shift()).toThrow('no front');
    expect(() => PersistentList.empty().with(0, 1)).toThrow('index 0');
  });
});

describe('a list by key', () => {
  test('is the array from which the old value of a key is filtered, and the new one appended', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const keyOf = ([key]: readonly [number, number]): number => key;
        let keyed = KeyedList.empty(keyOf);
        let model: (readonly [number, number])[] = [];
        for (const [key, value] of list) {
          model = model.filter((entry) => entry[0] !== key);
          if (value === null) keyed = keyed.without(key);
          else {
            keyed = keyed.with([key, value]);
            model.push([key, value]);
          }
          expect(keyed.get(key)).toEqual(value === null ? undefined : [key, value]);
        }
        expect([...keyed]).toEqual(model);
        expect([keyed.first, keyed.length]).toEqual([model[0], model.length]);
        expect(KeyedList.fromPlain(keyed.toPlain(), keyOf).toPlain()).toEqual(model);
      }),
    );
  });
});

describe('a map by paths', () => {
  /** Two strings of one 32-bit FNV-1a hash. */
  const COLLIDING = ['costarring', 'liquid'];
  const path = fc.oneof(fc.string(), fc.constantFrom(...COLLIDING));

  test('holds what a plain map holds, colliding names as well, and earlier versions stay', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(path, fc.option(fc.nat(9))), { maxLength: 60 }), (list) => {
        let map = PathMap.empty<number>();
        const model = new Map<string, number>();
        for (const [name, value] of list) {
          const before = map;
          const was = model.get(name);
          if (value === null) model.delete(name);
          else model.set(name, value);
          map = value === null ? map.without(name) : map.with(name, value);
          expect(before.get(name)).toBe(was);
          for (const known of [name, ...COLLIDING]) expect(map.get(known)).toBe(model.get(known));
        }
      }),
    );
  });
});
