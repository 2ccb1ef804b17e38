/** A write-through cache, as in `WriteThroughCache.tla` of the TLA+ examples. */
import type { Model, Property } from '../../../src/explore/model.ts';
import { put, type Rule, rulesModel } from './rules.ts';

type Value = 0 | 1 | null;
type Request = { readonly op: 'read' } | { readonly op: 'write'; readonly value: 0 | 1 };

interface Cache {
  /** Who sent or was answered last, and what. */
  readonly wire: readonly [number, Request | Value];
  readonly memory: 0 | 1;
  readonly control: readonly ('ready' | 'busy' | 'waiting' | 'done')[];
  readonly buffer: readonly (Request | Value)[];
  readonly cache: readonly Value[];
  readonly queue: readonly (readonly [number, Request])[];
}

const REQUESTS: readonly Request[] = [{ op: 'read' }, { op: 'write', value: 0 }, { op: 'write', value: 1 }];
const QUEUE_LENGTH = 1;

/** What one processor can do at a write-through cache. */
function processorRules(state: Cache, self: number): Rule<Cache>[] {
  const found: Rule<Cache>[] = [];
  const add = (key: string, after: Partial<Cache>): void =>
    void found.push({ owner: 'memory', key: `${self} ${key}`, after: { ...state, ...after } });
  const control = (value: Cache['control'][number]) => ({ control: put(state.control, self, value) });
  const buffer = (value: Request | Value) => ({ buffer: put(state.buffer, self, value) });
  const at = state.control[self];
  const held = state.buffer[self] ?? null;
  const request = held !== null && typeof held === 'object' ? held : null;
  const cached = state.cache[self] ?? null;
  const hasRoom = state.queue.length < QUEUE_LENGTH;
  if (at === 'ready') {
    for (const [index, asked] of REQUESTS.entries()) {
      add(`asks ${index}`, { wire: [self, asked], ...buffer(asked), ...control('busy') });
    }
  }
  if (at === 'done') add('is answered', { wire: [self, held], ...control('ready') });
  if (at === 'busy' && request?.op === 'read' && cached === null && hasRoom) {
    add('misses', { queue: [...state.queue, [self, request]], ...control('waiting') });
  }
  if ((at === 'busy' || at === 'waiting') && request?.op === 'read' && cached !== null) {
    add('reads', { ...buffer(cached), ...control('done') });
  }
  if (at === 'busy' && request?.op === 'write' && hasRoom) {
    const cache = state.cache.map((old, other) => (other === self || old !== null ? request.value : old));
    add('writes', { cache, queue: [...state.queue, [self, request]], ...buffer(null), ...control('done') });
  }
  if (at !== 'waiting') add('evicts', { cache: put(state.cache, self, null) });
  return found;
}

/** A write-through cache of two processors, one address and two values (Lamport, Specifying Systems, chapter 5). */
export function writeThroughCache(): Model<Cache, Rule<Cache>> {
  const memoryRules = (state: Cache): Rule<Cache>[] => {
    const [head, ...queue] = state.queue;
    if (head === undefined) return [];
    const [self, request] = head;
    if (request.op === 'write') {
      return [{ owner: 'memory', key: 'memory writes', after: { ...state, memory: request.value, queue } }];
    }
    // The value after all writes that wait: with a queue of one there are none behind this read.
    return [
      { owner: 'memory', key: 'memory reads', after: { ...state, cache: put(state.cache, self, state.memory), queue } },
    ];
  };
  const initial = ([0, 1] as const).map((memory): Cache => {
    const each = <T>(value: T): T[] => [value, value];
    return {
      wire: [0, null],
      memory,
      control: each('ready'),
      buffer: each(null),
      cache: each(null),
      queue: [],
    };
  });
  const coherent: Property<Cache> = {
    name: 'coherent',
    kind: 'always',
    says: 'two caches that hold the address hold one value',
    fault: ({ cache: [one = null, other = null] }) =>
      one !== null && other !== null && one !== other ? 'two caches differ' : null,
  };
  const rules = (state: Cache): Rule<Cache>[] => [
    ...processorRules(state, 0),
    ...processorRules(state, 1),
    ...memoryRules(state),
  ];
  return rulesModel('write-through cache', initial, rules, [coherent]);
}
