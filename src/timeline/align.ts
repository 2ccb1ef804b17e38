/**
 * The timelines of two runs side by side, actor by actor: which events both have, which only one has. Two events are the same
 * when they are of one type and about the same thing: the address, file, call or process that their payloads name. Numbers of
 * requests, frames and times are no part of that, since they shift with the first difference.
 */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';

/** Fields of payloads that say what an event is about. */
const NAMING_FIELDS = [
  'va',
  'startVa',
  'addr',
  'file',
  'path',
  'index',
  'offsetBytes',
  'pid',
  'op',
  'access',
  'purpose',
];
/** Fields that hold what an event is about. */
const OUTER_FIELDS = ['call', 'ranges', 'runs', 'operations', 'set'];
/** Events of each run that are looked ahead for a place where both go on together. */
const WINDOW = 128;
/** Events that have to be the same for a place where both go on together. */
const EVENTS_TOGETHER = 4;
/** Stretches of an actor that are listed; all are counted. */
const STRETCHES_LISTED = 20;

/** Some consecutive events of one actor. */
export interface Stretch {
  readonly events: number;
  readonly fromSeq: number;
  readonly toSeq: number;
}

/** A place where the timelines of an actor are not alike: what one run has there, and what the other. */
export interface UnlikeStretch {
  /** Null where that run has nothing there. */
  readonly a: Stretch | null;
  readonly b: Stretch | null;
}

/** One actor in both runs, from where they part. */
export interface ActorTimeline {
  readonly actor: string;
  /** Events that both have, and how many of these have another payload. */
  readonly both: number;
  readonly altered: number;
  readonly onlyA: number;
  readonly onlyB: number;
  /** The first ones. */
  readonly unlike: readonly UnlikeStretch[];
}

interface Keyed {
  readonly seq: number;
  readonly key: string;
  readonly payload: unknown;
}

function namedIn(payload: unknown, parts: string[], depth: number): void {
  if (typeof payload !== 'object' || payload === null || ArrayBuffer.isView(payload)) return;
  const fields: Readonly<Record<string, unknown>> = { ...payload };
  for (const name of NAMING_FIELDS) {
    const value = fields[name];
    if (typeof value === 'number' || typeof value === 'string') parts.push(`${name}=${value}`);
  }
  if (depth === 0) return;
  for (const name of OUTER_FIELDS) {
    const inner = fields[name];
    if (inner !== undefined) namedIn(Array.isArray(inner) ? inner[0] : inner, parts, depth - 1);
  }
}

/**
 * What an event is and is about, in words: events of two runs that have the same are taken for the same.
 *
 * @example
 * ```ts
 * const record = { seq: 3, timeCycles: 9, to: 'mm:1', from: 'mmu:1', cause: 2, type: 'FAULT', payload: { walk: 8, va: 4096 } };
 * alignmentKey(record); // 'FAULT va=4096'
 * ```
 */
export function alignmentKey({ type, payload }: Pick<LogRecord, 'type' | 'payload'>): string {
  const parts = [type];
  namedIn(payload, parts, 1);
  return parts.join(' ');
}

/** Looks ahead in the events of one actor; holds a window of them at most. */
class Ahead {
  readonly #records: Iterator<LogRecord>;
  readonly #held: Keyed[] = [];

  constructor(records: Iterator<LogRecord>) {
    this.#records = records;
  }

  /** The next events, at most so many. */
  peek(events: number): readonly Keyed[] {
    while (this.#held.length < events) {
      const next = this.#records.next();
      if (next.done === true) break;
      const { seq, payload } = next.value;
      this.#held.push({ seq, key: alignmentKey(next.value), payload });
    }
    return this.#held;
  }

  take(events: number): Keyed[] {
    return this.#held.splice(0, events);
  }
}

/** Whether so many events are the same from two places on, or all that are left. */
function goOnTogether(a: readonly Keyed[], atA: number, b: readonly Keyed[], atB: number): boolean {
  const events = Math.min(EVENTS_TOGETHER, a.length - atA, b.length - atB);
  for (let event = 0; event < events; event++) if (a[atA + event].key !== b[atB + event].key) return false;
  return events > 0;
}

/**
 * How far both have to go on alone until they go on together: least in sum; null where they do not within the window. One event
 * alone says little: many have the same type and name nothing.
 */
function meeting(a: readonly Keyed[], b: readonly Keyed[]): { a: number; b: number } | null {
  for (let sum = 1; sum < a.length + b.length; sum++) {
    const from = Math.max(0, sum - b.length + 1);
    for (let atA = from; atA <= sum && atA < a.length; atA++) {
      if (goOnTogether(a, atA, b, sum - atA)) return { a: atA, b: sum - atA };
    }
  }
  return null;
}

function stretchOf(events: readonly Keyed[]): Stretch | null {
  const [first] = events;
  const last = events.at(-1);
  if (first === undefined || last === undefined) return null;
  return { events: events.length, fromSeq: first.seq, toSeq: last.seq };
}

/** Whether two payloads are the same but for what shifts: this is about being told of a change, so text will do. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function alignActor(actor: string, ofA: Ahead, ofB: Ahead): ActorTimeline {
  let [both, altered, onlyA, onlyB] = [0, 0, 0, 0];
  const unlike: UnlikeStretch[] = [];
  for (;;) {
    const [a] = ofA.peek(1);
    const [b] = ofB.peek(1);
    if (a === undefined && b === undefined) break;
    if (a !== undefined && a.key === b?.key) {
      both++;
      if (!isSame(a.payload, b.payload)) altered++;
      ofA.take(1);
      ofB.take(1);
      continue;
    }
    const aheadA = ofA.peek(WINDOW);
    const aheadB = ofB.peek(WINDOW);
    const met = meeting(aheadA, aheadB) ?? { a: aheadA.length, b: aheadB.length };
    const leftA = ofA.take(met.a);
    const leftB = ofB.take(met.b);
    onlyA += leftA.length;
    onlyB += leftB.length;
    if (unlike.length < STRETCHES_LISTED) unlike.push({ a: stretchOf(leftA), b: stretchOf(leftB) });
  }
  return { actor, both, altered, onlyA, onlyB, unlike };
}

/**
 * Aligns the timelines of two runs from a seq on, actor by actor. Memory does not grow with the runs: each actor's events are
 * gone through once, with a window to look ahead, and places where runs are apart for longer than that are taken as wholly apart.
 *
 * @throws GranuleError LOG_DAMAGED
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * alignTimelines(reader, reader, 0).every(({ onlyA, onlyB, altered }) => onlyA + onlyB + altered === 0); // true
 * ```
 */
export function alignTimelines(a: LogReader, b: LogReader, fromSeq: number): ActorTimeline[] {
  const actors = new Set([...a.actors(), ...b.actors()].map(({ id }) => id));
  return [...actors].flatMap((actor) => {
    const timeline = alignActor(actor, new Ahead(a.byActor(actor, fromSeq)), new Ahead(b.byActor(actor, fromSeq)));
    return timeline.both + timeline.onlyA + timeline.onlyB === 0 ? [] : [timeline];
  });
}
