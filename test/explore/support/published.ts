/**
 * Systems whose counts of states are published, written here anew from their descriptions. Stateright's are asserted in its tests
 * (github.com/stateright/stateright at ab8c8be9341505e0f71edbe5dd88ed275bd976a4), TLC's are in the manifests of the TLA+ examples
 * (github.com/tlaplus/Examples at 32a32c7b0b97562da2dd4b2e55b7f81cd6fea2b9), which also give all successors made, the initial
 * states among them, and the depth, counted in states.
 */
import type { Model, Property } from '../../../src/explore/model.ts';
import { put, type Rule, rulesModel } from './rules.ts';
import { writeThroughCache } from './writeThroughCache.ts';

/** What was published of a system. */
export interface Published {
  readonly name: string;
  readonly model: Model<never, never>;
  readonly source: string;
  readonly states: number;
  /** Successors and initial states that TLC made; null where it is not published. */
  readonly made: number | null;
  readonly depth: number | null;
}

type Phase = 'working' | 'prepared' | 'committed' | 'aborted';

interface Commit {
  readonly managers: readonly Phase[];
  readonly decided: 'no' | 'commit' | 'abort';
  /** Managers of whom the coordinator knows that they are prepared. */
  readonly known: readonly boolean[];
  /** Managers that have said so. */
  readonly said: readonly boolean[];
}

const consistent = <S extends { readonly managers: readonly Phase[] }>(): Property<S> => ({
  name: 'consistent',
  kind: 'always',
  says: 'no manager has aborted where another has committed',
  reads: (owner) => owner !== 'coordinator',
  fault: ({ managers }) =>
    managers.includes('aborted') && managers.includes('committed') ? 'one has aborted and one has committed' : null,
});

/** Two-phase commit (Gray and Lamport, Consensus on Transaction Commit). */
export function twoPhaseCommit(count: number): Model<Commit, Rule<Commit>> {
  const all = Array.from({ length: count }, (_, index) => index);
  const initial: Commit = {
    managers: all.map(() => 'working'),
    decided: 'no',
    known: all.map(() => false),
    said: all.map(() => false),
  };
  const rules = (state: Commit): Rule<Commit>[] => {
    const found: Rule<Commit>[] = [];
    const add = (owner: string, key: string, after: Partial<Commit>): void =>
      void found.push({ owner, key: `${owner} ${key}`, after: { ...state, ...after } });
    if (state.decided === 'no' && state.known.every(Boolean)) add('coordinator', 'commits', { decided: 'commit' });
    if (state.decided === 'no') add('coordinator', 'aborts', { decided: 'abort' });
    for (const index of all) {
      const owner = `manager ${index}`;
      const managers = (phase: Phase) => ({ managers: put(state.managers, index, phase) });
      if (state.decided === 'no' && state.said[index]) {
        add('coordinator', `hears ${index}`, { known: put(state.known, index, true) });
      }
      if (state.managers[index] === 'working') {
        add(owner, 'prepares', { ...managers('prepared'), said: put(state.said, index, true) });
        add(owner, 'chooses to abort', managers('aborted'));
      }
      if (state.decided === 'commit') add(owner, 'hears of the commit', managers('committed'));
      if (state.decided === 'abort') add(owner, 'hears of the abort', managers('aborted'));
    }
    return found;
  };
  return rulesModel(`two-phase commit, ${count} managers`, [initial], rules, [consistent()]);
}

interface Managers {
  readonly managers: readonly Phase[];
}

/** What a transaction commit has to do, without how. */
function transactionCommit(count: number): Model<Managers, Rule<Managers>> {
  const rules = ({ managers }: Managers): Rule<Managers>[] => {
    const found: Rule<Managers>[] = [];
    const canCommit = managers.every((phase) => phase === 'prepared' || phase === 'committed');
    for (const [index, phase] of managers.entries()) {
      const add = (next: Phase): void =>
        void found.push({ owner: 'all', key: `${index} ${next}`, after: { managers: put(managers, index, next) } });
      if (phase === 'working') add('prepared');
      if (phase === 'prepared' && canCommit) add('committed');
      if ((phase === 'working' || phase === 'prepared') && !managers.includes('committed')) add('aborted');
    }
    return found;
  };
  const initial: Managers = { managers: Array.from({ length: count }, () => 'working' as const) };
  return rulesModel('transaction commit', [initial], rules, [consistent()]);
}

interface Peterson {
  readonly at: readonly number[];
  readonly wants: readonly boolean[];
  readonly turn: number;
}

/** Peterson's lock for two processes in a loop of six places. */
function peterson(): Model<Peterson, Rule<Peterson>> {
  const rules = (state: Peterson): Rule<Peterson>[] =>
    [0, 1].flatMap((self) => {
      const other = 1 - self;
      const place = state.at[self] ?? 0;
      if (place === 3 && state.wants[other] && state.turn !== self) return [];
      const moved = { ...state, at: put(state.at, self, (place + 1) % 6) };
      const wants = (value: boolean): Peterson => ({ ...moved, wants: put(state.wants, self, value) });
      const after = place === 1 ? wants(true) : place === 5 ? wants(false) : moved;
      return [{ owner: 'lock', key: `${self}#${place}`, after: place === 2 ? { ...after, turn: other } : after }];
    });
  const exclusive: Property<Peterson> = {
    name: 'exclusive',
    kind: 'always',
    says: 'one at most is inside',
    fault: ({ at }) => (at.every((place) => place === 4 || place === 5) ? 'both are inside' : null),
  };
  return rulesModel('Peterson', [{ at: [0, 0], wants: [false, false], turn: 0 }], rules, [exclusive]);
}

interface Table {
  readonly holders: readonly number[];
  readonly clean: readonly boolean[];
  readonly at: readonly ('loop' | 'eat' | 'think')[];
  readonly hungry: readonly boolean[];
}

/** Dining philosophers who hand each other clean forks (Chandy and Misra). */
function philosophers(count: number): Model<Table, Rule<Table>> {
  const loop = (table: Table, self: number): Table => {
    const [left, right] = [self, (self + 1) % count];
    const gives = (fork: number): boolean => table.holders[fork] === self && !table.clean[fork];
    const give = (fork: number, to: number): Table => {
      return { ...table, holders: put(table.holders, fork, to), clean: put(table.clean, fork, true) };
    };
    const given = gives(left) ? give(left, (self + count - 1) % count) : gives(right) ? give(right, right) : table;
    const canEat = [left, right].every((fork) => table.holders[fork] === self && table.clean[fork]);
    if (!table.hungry[self]) return { ...given, at: put(table.at, self, 'think') };
    return canEat ? { ...given, at: put(table.at, self, 'eat') } : given;
  };
  const after = (table: Table, self: number): Table => {
    if (table.at[self] === 'loop') return loop(table, self);
    const back = { ...table, at: put(table.at, self, 'loop' as const) };
    if (table.at[self] === 'think') return { ...back, hungry: put(table.hungry, self, true) };
    const dirty = put(put(table.clean, self, false), (self + 1) % count, false);
    return { ...back, hungry: put(table.hungry, self, false), clean: dirty };
  };
  const all = Array.from({ length: count }, (_, index) => index);
  const initial: Table = {
    // Each fork is with the lowest of its two philosophers: the first has two.
    holders: all.map((fork) => (fork === 1 ? 0 : fork)),
    clean: all.map(() => false),
    at: all.map(() => 'loop' as const),
    hungry: all.map(() => true),
  };
  const rules = (table: Table): Rule<Table>[] =>
    all.map((self) => ({ owner: 'table', key: `${self}`, after: after(table, self) }));
  const apart: Property<Table> = {
    name: 'apart',
    kind: 'always',
    says: 'no two neighbours eat at once',
    fault: ({ at }) =>
      at.some((place, self) => place === 'eat' && at[(self + 1) % count] === 'eat') ? 'two neighbours eat' : null,
  };
  return rulesModel('dining philosophers', [initial], rules, [apart]);
}

interface Allocation {
  readonly unsatisfied: readonly number[];
  readonly allocated: readonly number[];
}

/** Clients that request sets of resources, get them in parts and give them back in parts. Sets are bits. */
function allocator(clients: number, resources: number): Model<Allocation, Rule<Allocation>> {
  const full = 2 ** resources - 1;
  const sets = Array.from({ length: full }, (_, index) => index + 1);
  const isIn = (part: number, whole: number): boolean => (part & ~whole) === 0;
  const rules = ({ unsatisfied, allocated }: Allocation): Rule<Allocation>[] => {
    const free = full & ~allocated.reduce((all, held) => all | held, 0);
    return allocated.flatMap((held, client) => {
      const wanted = unsatisfied[client] ?? 0;
      return sets.flatMap((set) => {
        const found: Rule<Allocation>[] = [];
        const add = (key: string, nowWanted: number, nowHeld: number): void => {
          const after = {
            unsatisfied: put(unsatisfied, client, nowWanted),
            allocated: put(allocated, client, nowHeld),
          };
          found.push({ owner: 'allocator', key: `${client} ${key} ${set}`, after });
        };
        if (wanted === 0 && held === 0) add('requests', set, held);
        if (isIn(set, free & wanted)) add('gets', wanted & ~set, held | set);
        if (isIn(set, held)) add('returns', wanted, held & ~set);
        return found;
      });
    });
  };
  const none = Array.from({ length: clients }, () => 0);
  const alone: Property<Allocation> = {
    name: 'alone',
    kind: 'always',
    says: 'no resource is with two clients',
    fault: ({ allocated }) =>
      allocated.some((held, index) => allocated.some((other, at) => at > index && (held & other) !== 0))
        ? 'two clients have one resource'
        : null,
  };
  return rulesModel('allocator', [{ unsatisfied: none, allocated: none }], rules, [alone]);
}

interface PingPong {
  readonly counts: readonly [number, number];
  /** Messages of a network that keeps what it delivers: `to` and number, sorted. */
  readonly network: readonly string[];
}

/** Two actors that answer each other on a network that may deliver again and may lose. */
function pingPong(most: number): Model<PingPong, Rule<PingPong>> {
  const receive = ({ counts, network }: PingPong, message: string): PingPong | null => {
    const [to = 0, number = 0] = message.split(' ').map(Number);
    if (counts[to] !== number || counts[to] >= most) return null;
    const answer = to === 1 ? `0 ${number}` : `1 ${number + 1}`;
    const raised: [number, number] = to === 0 ? [counts[0] + 1, counts[1]] : [counts[0], counts[1] + 1];
    return { counts: raised, network: [...new Set([...network, answer])].sort() };
  };
  const rules = (state: PingPong): Rule<PingPong>[] =>
    state.network.flatMap((message) => {
      const owner = `actor ${message.split(' ')[0]}`;
      const lost = { ...state, network: state.network.filter((other) => other !== message) };
      const after = receive(state, message);
      const drop = { owner, key: `lose ${message}`, after: lost };
      return after === null ? [drop] : [drop, { owner, key: `deliver ${message}`, after }];
    });
  const near: Property<PingPong> = {
    name: 'near',
    kind: 'always',
    says: 'the two counts differ by one at most',
    fault: ({ counts: [one, other] }) => (Math.abs(one - other) <= 1 ? null : 'they are apart'),
  };
  return rulesModel(`ping-pong to ${most}`, [{ counts: [0, 0], network: ['1 0'] }], rules, [near]);
}

const entry = <S>(
  model: Model<S, Rule<S>>,
  source: string,
  states: number,
  made: number | null = null,
  depth: number | null = null,
): Published => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- states go from the model to the model alone
  return { name: model.name, model: model as unknown as Model<never, never>, source, states, made, depth };
};

/** All of them. */
export const published: readonly Published[] = [
  entry(twoPhaseCommit(3), 'TLC: transaction_commit/TwoPhase.cfg; Stateright: examples/2pc.rs', 288, 1146, 11),
  entry(twoPhaseCommit(5), 'Stateright: examples/2pc.rs', 8832),
  entry(pingPong(1), 'Stateright: src/actor/model.rs, visits_expected_states', 14),
  entry(pingPong(5), 'Stateright: src/actor/model.rs, maintains_fixed_delta_despite_lossy_duplicating_network', 4094),
  entry(transactionCommit(3), 'TLC: transaction_commit/TCommit.cfg', 34, 94, 7),
  entry(peterson(), 'TLC: locks_auxiliary_vars/Peterson.cfg', 42, 77, 11),
  entry(philosophers(5), 'TLC: DiningPhilosophers/DiningPhilosophers.cfg', 67, 336, 29),
  entry(allocator(3, 2), 'TLC: allocator/SimpleAllocator.cfg', 400, 1633, 6),
  entry(writeThroughCache(), 'TLC: SpecifyingSystems/CachingMemory/MCWriteThroughCache.cfg', 5196, 28170, 18),
];
