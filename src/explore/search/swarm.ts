/** Many small searches instead of one large one: other seeds, other strategies, other models. */
import type { Model } from '../model.ts';
import { explore, type RunHooks, runExploration } from './explore.ts';
import type { ExplorationResult, ExploreOptions, Strategy } from './types.ts';

/** A model to search in a swarm: made when its turn comes. */
export interface SwarmModel<S, A> {
  /** Tells it from the others: `seed 3, two processes, faults "slow-disk"`. */
  readonly name: string;
  readonly make: () => Model<S, A>;
}

/** One search of a swarm. */
export interface SwarmMember<S, A> extends SwarmModel<S, A> {
  readonly options: ExploreOptions;
}

/** What a swarm varies beside its models. */
export interface SwarmPlan {
  readonly strategies: readonly Strategy[];
  readonly seeds: readonly number[];
  /** What all searches share: budgets above all. */
  readonly options?: ExploreOptions;
}

/**
 * The searches of a swarm: every model with every strategy and seed. A seed is tried on all models before the next one is, so that
 * a swarm that is ended early has seen each of them. Strategies without a seed come once.
 *
 * @example
 * ```ts
 * const models = ['lost-update', 'aba'].map((name) => ({ name, make: () => classic(name) }));
 * const members = swarmOf(models, { strategies: ['random', 'reduced'], seeds: [1, 2] });
 * members.map(({ name, options }) => `${name} ${options.strategy}`).length; // 6
 * members[0]?.options.seed; // 1
 * ```
 */
export function swarmOf<S, A>(models: readonly SwarmModel<S, A>[], plan: SwarmPlan): SwarmMember<S, A>[] {
  const { strategies, seeds, options = {} } = plan;
  const isSeeded = (strategy: Strategy): boolean => strategy === 'random' || strategy === 'pct';
  return seeds.flatMap((seed, round) =>
    strategies
      .filter((strategy) => round === 0 || isSeeded(strategy))
      .flatMap((strategy) => models.map((model) => ({ ...model, options: { ...options, strategy, seed } }))),
  );
}

/** What came of one search of a swarm. */
export interface SwarmNews<S, A> {
  readonly member: SwarmMember<S, A>;
  readonly result: ExplorationResult;
}

/**
 * Runs the searches of a swarm one after another, and tells what came of each. Whoever goes through it ends it when he likes.
 *
 * @example
 * ```ts
 * const models = [{ name: 'lost update', make: () => classic('lost-update') }];
 * const [first] = swarm(swarmOf(models, { strategies: ['pct'], seeds: [7], options: { walks: 100 } }));
 * first?.result.discoveries.length; // 1
 * ```
 */
export function* swarm<S, A>(members: Iterable<SwarmMember<S, A>>, hooks: RunHooks = {}): Generator<SwarmNews<S, A>> {
  for (const member of members) {
    const result = runExploration(explore(member.make(), member.options), hooks);
    yield { member, result };
    if (hooks.shouldStop?.() === true) return;
  }
}
