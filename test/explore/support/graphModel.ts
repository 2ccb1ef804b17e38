/** Graphs as models. */
import type { Model, Property } from '../../../src/explore/model.ts';

/** A graph as a model: from each state, where each of its actions leads; the owner of an action is its first letter. */
export interface Graph {
  readonly edges: Readonly<Record<number, readonly (readonly [key: string, target: number | null])[]>>;
  readonly properties?: readonly Property<number>[];
  readonly progress?: (state: number) => number;
}

export function graphModel({
  edges,
  properties = [],
  progress,
}: Graph): Model<number, readonly [string, number | null]> {
  return {
    name: 'graph',
    initial: () => [0],
    actions: (state) => edges[state] ?? [],
    next: (_state, [, target]) => target,
    fingerprint: (state) => state,
    keyOf: ([key]) => key,
    ownerOf: ([key]) => key.slice(0, 1),
    describe: (state, [key]) => `${key} in ${state}`,
    properties,
    ...(progress === undefined ? {} : { progress }),
  };
}

/** It comes to state 3 at some time. */
export const at3: Property<number> = {
  name: 'comes-to-3',
  kind: 'eventually',
  says: 'it comes to 3',
  fault: (state) => (state === 3 ? null : `it is ${state}`),
};
