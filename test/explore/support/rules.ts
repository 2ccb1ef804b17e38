/** Models written as lists of rules over plain data, for systems whose counts of states others have published. */
import type { Fingerprint, Model, Property } from '../../../src/explore/model.ts';

/** What can happen in a state, and to which state it leads. */
export interface Rule<S> {
  readonly key: string;
  readonly owner: string;
  readonly after: S;
}

/** A hash of 53 bits of a text. */
export function hashOf(text: string): Fingerprint {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ (code + index), 0x85ebca6b);
    high ^= high >>> 13;
  }
  return (high >>> 6) * 2 ** 27 + (low >>> 5);
}

/** The model of a system of rules. */
export function rulesModel<S>(
  name: string,
  initial: readonly S[],
  rules: (state: S) => Rule<S>[],
  properties: readonly Property<S>[],
): Model<S, Rule<S>> {
  return {
    name,
    initial: () => initial,
    actions: rules,
    next: (_state, rule) => rule.after,
    fingerprint: (state) => hashOf(JSON.stringify(state)),
    keyOf: ({ key }) => key,
    ownerOf: ({ owner }) => owner,
    describe: (_state, { key }) => key,
    properties,
  };
}

/** The list with one entry replaced. */
export function put<T>(list: readonly T[], index: number, value: T): T[] {
  return list.map((old, at) => (at === index ? value : old));
}
