/** The account of a way through any model, by what its actions say of themselves. */
import type { Model } from '../model.ts';
import type { ShrunkPath } from '../shrink/shrinkPath.ts';
import { GranuleError } from '../../errors.ts';
import { type Account, type AccountStep, titleOf } from './account.ts';

/**
 * What shrinking did, in words.
 *
 * @example
 * ```ts
 * shrunkText({ before: { actions: 9, switches: 5 }, after: { actions: 4, switches: 1 }, isMinimal: true });
 * // '9 actions with 5 changes of owner shrunk to 4 with 1; none of them can be left out'
 * ```
 */
export function shrunkText({
  before,
  after,
  isMinimal,
}: Pick<ShrunkPath<unknown>, 'before' | 'after' | 'isMinimal'>): string {
  const from = `${before.actions} actions with ${before.switches} changes of owner`;
  const minimal = isMinimal
    ? 'none of them can be left out'
    : 'the tries ended before it was sure that none can be left out';
  return `${from} shrunk to ${after.actions} with ${after.switches}; ${minimal}`;
}

/**
 * The account of a shrunk way: who did what, and what broke.
 *
 * @throws GranuleError USAGE where the way is not one of this model
 * @example
 * ```ts
 * const small = { name: 'small', kind: 'always', says: 'It is below 2.', fault: (n: number) => (n < 2 ? null : `it is ${n}`) };
 * const model = { name: 'up', initial: () => [0], actions: () => ['up'], fingerprint: (n: number) => n, next: (n: number) => n + 1,
 *   keyOf: String, ownerOf: () => 'n', describe: (n: number) => `${n} goes up`, properties: [small] };
 * const path = { initial: 0, keys: ['up', 'up'] };
 * const shrunk = shrinkPath(model, { property: 'small', kind: 'always', path, fault: '' });
 * modelAccount(model, shrunk).steps.map(({ text }) => text); // ['0 goes up', '1 goes up']
 * ```
 */
export function modelAccount<S, A>(model: Model<S, A>, shrunk: ShrunkPath<S>): Account {
  const { discovery, states } = shrunk;
  const steps = discovery.path.keys.map((key, at): AccountStep => {
    const state = states[at];
    const action = model.actions(state).find((each) => model.keyOf(each) === key);
    if (action === undefined) throw new GranuleError('USAGE', `action ${at + 1}, ${key}, is not possible`, model.name);
    return { who: model.ownerOf(action), text: model.describe(state, action), says: '', before: '' };
  });
  const round =
    discovery.circleLength === undefined ? '' : `; the last ${discovery.circleLength} lead back to the same state`;
  const property = model.properties.find(({ name }) => name === discovery.property);
  return {
    title: titleOf(model.name, discovery),
    says: property?.says ?? 'Something gets done.',
    fault: discovery.fault,
    setting: [],
    steps,
    told: `${steps.length} actions${round}.`,
    parts: [{ heading: 'How it was shrunk', lines: [shrunkText(shrunk)], isLiteral: false }],
  };
}
