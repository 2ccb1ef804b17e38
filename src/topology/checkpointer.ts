/** Decides when a run writes a checkpoint and what is in it, so that its log is quick to open anywhere. */
import { packedContext } from '../../machines/index.ts';
import type { ActorState } from '../log/checkpoint.ts';
import type { LogWriter } from '../log/logWriter.ts';
import type { Envelope } from '../runtime/envelope.ts';
import type { System } from '../runtime/system.ts';
import { actorStateOf } from '../runtime/xstateAdapter.ts';
import type { ActorSnapshot } from '../runtime/xstateInternals.ts';

/** References that a TLB works through at the cost of folding one event. */
export const REFERENCES_PER_EVENT = 2000;
/**
 * Bytes of states, uncompressed, that cost as much as one event where events are cheapest: made packed, encoded, deflated and
 * written, with a margin for code that is not compiled yet.
 */
const BYTES_PER_EVENT = 21;
/** Checkpoints over which their size is averaged. */
const AVERAGED = 8;
/**
 * What they are taken to hold before there was any: less than the first do (20 to 53 KB for recorded programs, since theirs are whole
 * states). Twice as much would put the first behind 15,000 events, and to go to the last of those takes more than 50 ms.
 */
const FIRST_MEAN_BYTES = 8 << 10;
/**
 * Bytes at which one counts at most, unless the average is near them: checkpoints that hold many changes, as the first does, come
 * rarely and must not leave a gap.
 */
const OUTLIER_BYTES = 28 << 10;
/** The pseudo-actor whose state is the loop's own: pending messages, clock and chooser. */
export const SYSTEM_STATE = '@system';

/** How near to each other checkpoints may be; tests have them nearer than a run does. */
export interface CheckpointSpacing {
  /** Cost between two, in events, at least. */
  readonly leastEvents: number;
  /** The run is to cost at least this many times what they cost. */
  readonly runPerCheckpoints: number;
}

/** So much folds in some tens of milliseconds, and checkpoints take a twentieth of a run as reckoned here. */
const RUN_SPACING: CheckpointSpacing = { leastEvents: 4096, runPerCheckpoints: 20 };

/** The actors that changed between two checkpoints, each as it was at the first of them; undefined where that is not known. */
type Span = Map<string, ActorSnapshot | undefined>;

/**
 * Writes checkpoints by cost. Each holds the actors that changed since the checkpoint that `baseOf` (`src/log/checkpoint.ts`)
 * gives, and of their contexts the fields that did; an actor whose first change lies in that span is held whole. It looks at
 * no actor but the receivers of the records it was told of.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'true-kernel', pageSize: '4K' }] }, 'example');
 * const storage = memoryStorage();
 * const writer = new LogWriter(storage, noCompression, logMeta(topology, new Map()));
 * new Checkpointer(writer).writeWhenDue(systemOf({ topology, traces: loadTraces(topology, { folders: [] }) }));
 * writer.close().records; // 0
 * ```
 */
export class Checkpointer {
  readonly #writer: LogWriter;
  readonly #spacing: CheckpointSpacing;
  readonly #received = new Set<string>();
  /** Every actor that ever changed, as it was at the last checkpoint. */
  readonly #latest: Map<string, ActorSnapshot> = new Map();
  /** One span for each one bit of the number of checkpoints written, the longest first; together they are the whole run. */
  readonly #spans: Span[] = [];
  #written = 0;
  #meanBytes = FIRST_MEAN_BYTES;
  #cost = 0;

  constructor(writer: LogWriter, spacing: CheckpointSpacing = RUN_SPACING) {
    this.#writer = writer;
    this.#spacing = spacing;
  }

  /** Takes a delivery into the cost of folding what came since the last checkpoint. */
  note({ to, message }: Pick<Envelope, 'to' | 'message'>): void {
    this.#received.add(to);
    this.#cost += 1;
    if (message.type !== 'RAN') return;
    const counts = message['counts'] as { references?: number } | undefined;
    this.#cost += (counts?.references ?? 0) / REFERENCES_PER_EVENT;
  }

  /** Writes a checkpoint if folding has become dear enough, for what checkpoints of late cost to write. */
  writeWhenDue(system: System): void {
    const { leastEvents, runPerCheckpoints } = this.#spacing;
    const affordable = (runPerCheckpoints * this.#meanBytes) / BYTES_PER_EVENT;
    if (this.#cost < Math.max(leastEvents, affordable)) return;
    this.#cost = 0;
    const span = this.#closeSpan(system);
    const bytes = this.#writer.checkpoint(system.nextSeq - 1, statesOf(span, system));
    const counted = Math.min(bytes, Math.max(OUTLIER_BYTES, 2 * this.#meanBytes));
    this.#meanBytes += (counted - this.#meanBytes) / AVERAGED;
  }

  /** The span that ends here. As in a binary counter, it takes in the spans that are no longer than what it has already. */
  #closeSpan(system: System): Span {
    let span = this.#newChanges(system);
    this.#written += 1;
    for (let rest = this.#written; rest % 2 === 0; rest /= 2) {
      const older = this.#spans.pop() ?? new Map();
      for (const [actor, before] of span) if (!older.has(actor)) older.set(actor, before);
      span = older;
    }
    this.#spans.push(span);
    return span;
  }

  #newChanges(system: System): Span {
    const span: Span = new Map();
    for (const actor of this.#received) {
      const before = this.#latest.get(actor);
      const now = system.snapshot(actor);
      if (now === before) continue;
      this.#latest.set(actor, now);
      span.set(actor, before);
    }
    this.#received.clear();
    return span;
  }
}

function* statesOf(span: Span, system: System): Generator<ActorState, void, undefined> {
  for (const [actor, before] of span) yield stateOf(actor, before, system.snapshot(actor));
  yield { actor: SYSTEM_STATE, state: system.checkpointState() };
}

function stateOf(actor: string, before: ActorSnapshot | undefined, now: ActorSnapshot): ActorState {
  const { value, status, context } = actorStateOf(now);
  const changed = before === undefined ? null : changedFields(fieldsOf(before.context), fieldsOf(context));
  if (changed === null) return { actor, state: { value, status, context: packedContext(context) } };
  return { actor, state: { value, status, context: packedContext(changed) }, part: true };
}

/** The fields that are not the very same; null where one is gone, which a part cannot say. */
function changedFields(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
): Record<string, unknown> | null {
  if (!Object.keys(before).every((name) => Object.hasOwn(now, name))) return null;
  return Object.fromEntries(
    Object.entries(now).filter(([name, value]) => !Object.hasOwn(before, name) || before[name] !== value),
  );
}

function fieldsOf(context: unknown): Readonly<Record<string, unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the context of a machine is an object
  return context as Readonly<Record<string, unknown>>;
}
