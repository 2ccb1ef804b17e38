/** Random logs and queries, and what each query means, told the slow way: every event is held against every other. */
import fc from 'fast-check';
import { noCompression } from '../../src/log/discardStorage.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { memoryStorage } from '../../src/log/storage.ts';

/** A condition as text, and as a function of the event and those named x and y. */
export interface Condition {
  readonly text: string;
  readonly test: (record: LogRecord, x: LogRecord | null, y: LogRecord | null) => boolean;
}

/** A clause as text and in parts. */
export interface ClauseModel {
  readonly kind: 'preceded' | 'followed' | 'between' | 'after';
  readonly isNot: boolean;
  readonly first: Condition;
  readonly second: Condition;
  readonly within: { readonly count: number; readonly unit: 'cycles' | 'events' } | null;
}

/** A query in parts. */
export interface QueryModel {
  readonly main: Condition;
  readonly clauses: readonly ClauseModel[];
}

function field(record: LogRecord | null, name: string): unknown {
  return (record?.payload as Record<string, unknown> | undefined)?.[name];
}

const ACTORS = ['a:1', 'a:2', 'b:1', 'zone'];
const TYPES = ['ONE', 'TWO', 'THREE'];

const recordArb = fc.record({
  type: fc.constantFrom(...TYPES),
  to: fc.constantFrom(...ACTORS),
  from: fc.constantFrom(...ACTORS),
  delay: fc.nat(3),
  payload: fc.record({ k: fc.nat(6), m: fc.constantFrom(1, '1', null, true) }, { requiredKeys: ['k'] }),
});

/** Logs of some hundred events. */
export const logArb: fc.Arbitrary<LogRecord[]> = fc
  .array(recordArb, { minLength: 0, maxLength: 160, size: 'max' })
  .map((drawn) => {
    let timeCycles = 0;
    return drawn.map(({ delay, ...rest }, seq) => {
      timeCycles += delay;
      return { seq, timeCycles, cause: seq - 1, ...rest };
    });
  });

/** A log of these records. */
export function logOf(records: readonly LogRecord[]): LogReader {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, noCompression, {});
  for (const record of records) writer.append(record);
  writer.close();
  return LogReader.open(storage, noCompression);
}

const ownArb: fc.Arbitrary<Condition> = fc.oneof(
  fc.constantFrom(...TYPES).map((type): Condition => ({ text: type, test: (record) => record.type === type })),
  fc.nat(6).map((k): Condition => ({ text: `payload.k == ${k}`, test: (record) => field(record, 'k') === k })),
  fc.nat(6).map((k): Condition => ({ text: `payload.k < ${k}`, test: (record) => Number(field(record, 'k')) < k })),
  fc.constantFrom(...ACTORS).map((to): Condition => ({ text: `to == '${to}'`, test: (record) => record.to === to })),
  fc.constantFrom<Condition>(
    { text: 'true', test: () => true },
    { text: "to == 'a:*'", test: ({ to }) => to.startsWith('a:') },
    { text: '(ONE || TWO)', test: ({ type }) => type !== 'THREE' },
    { text: "type in [ONE, 'T*'] && from != zone", test: ({ from }) => from !== 'zone' },
    { text: 'payload.m == null', test: (record) => (field(record, 'm') ?? null) === null },
    { text: '!ONE', test: ({ type }) => type !== 'ONE' },
  ),
);

function tieArb(name: 'x' | 'y'): fc.Arbitrary<Condition> {
  const of = (x: LogRecord | null, y: LogRecord | null): LogRecord | null => (name === 'x' ? x : y);
  const isSame = (left: unknown, right: unknown): boolean =>
    left !== undefined || right !== undefined ? (left ?? null) === (right ?? null) : false;
  return fc.constantFrom<Condition>(
    { text: `payload.k == ${name}.payload.k`, test: (record, x, y) => field(record, 'k') === field(of(x, y), 'k') },
    { text: `${name}.from == to`, test: (record, x, y) => record.to === of(x, y)?.from },
    {
      text: `payload.m == ${name}.payload.m`,
      test: (record, x, y) => isSame(field(record, 'm'), field(of(x, y), 'm')),
    },
    {
      text: `payload.k > ${name}.payload.k`,
      test: (record, x, y) => Number(field(record, 'k')) > Number(field(of(x, y), 'k')),
    },
    {
      text: `to == ${name}.to && payload.k == ${name}.payload.k`,
      test: (record, x, y) => record.to === of(x, y)?.to && field(record, 'k') === field(of(x, y), 'k'),
    },
  );
}

/** A condition of its own, and sometimes one that ties it to those before. */
function operandArb(...names: ('x' | 'y')[]): fc.Arbitrary<Condition> {
  const ties = names.map((name) => fc.option(tieArb(name), { freq: 3 }));
  return fc.tuple(ownArb, ...ties).map(([own, ...more]) => {
    const parts = [own, ...more.filter((part) => part !== null)];
    return {
      text: parts.map(({ text }) => text).join(' && '),
      test: (record, x, y) => parts.every(({ test }) => test(record, x, y)),
    };
  });
}

const withinArb = fc.option(
  fc.record({ count: fc.nat(12), unit: fc.constantFrom<'cycles' | 'events'>('cycles', 'events') }),
);

const clauseArb: fc.Arbitrary<ClauseModel> = fc.record({
  kind: fc.constantFrom<ClauseModel['kind']>('preceded', 'followed', 'between', 'after'),
  isNot: fc.boolean(),
  first: operandArb('x'),
  second: operandArb('x', 'y'),
  within: withinArb,
});

/** Queries with up to two clauses. */
export const queryArb: fc.Arbitrary<QueryModel> = fc.record({
  main: ownArb,
  clauses: fc.array(clauseArb, { minLength: 0, maxLength: 2 }),
});

/** A query as people write it. */
export function textOf({ main, clauses }: QueryModel): string {
  const parts = clauses.map(({ kind, isNot, first, second, within }, at) => {
    // Each clause has names of its own.
    const named = (text: string): string => text.replaceAll(/\by\./g, `y${at}.`);
    const words = `${at > 0 ? 'and ' : ''}${isNot ? 'not ' : ''}`;
    const limit = within === null ? '' : ` within ${within.count} ${within.unit}`;
    if (kind === 'preceded' || kind === 'followed') return `${words}${kind} by ${first.text}${limit}`;
    const joint = kind === 'between' ? 'and' : 'until';
    return `${words}${kind} ${first.text} as y${at} ${joint} ${named(second.text)}${limit}`;
  });
  return [`${main.text} as x`, ...parts].join(' ');
}

function isNear(left: LogRecord, right: LogRecord, { within }: ClauseModel): boolean {
  if (within === null) return true;
  const key = within.unit === 'events' ? 'seq' : 'timeCycles';
  return Math.abs(left[key] - right[key]) <= within.count;
}

/** The seqs of what a clause finds for an event; null where there is nothing. */
function found(records: readonly LogRecord[], x: LogRecord, clause: ClauseModel): number[] | null {
  const earlier = records.slice(0, x.seq).reverse();
  const later = records.slice(x.seq + 1);
  const { kind, first, second } = clause;
  if (kind === 'preceded' || kind === 'followed') {
    const side = kind === 'preceded' ? earlier : later;
    const near = side.find((y) => first.test(y, x, null) && isNear(x, y, clause));
    return near === undefined ? null : [near.seq];
  }
  for (const y of earlier) {
    if (!first.test(y, x, null)) continue;
    if (records.slice(y.seq + 1, x.seq).some((z) => second.test(z, x, y))) continue;
    if (kind === 'after') {
      if (isNear(y, x, clause)) return [y.seq];
      continue;
    }
    const end = later.find((z) => second.test(z, x, y));
    if (end !== undefined && isNear(y, end, clause)) return [y.seq, end.seq];
  }
  return null;
}

/** What a query means: the seq of each event, and the seqs of those that made it one. */
export function meaning(records: readonly LogRecord[], { main, clauses }: QueryModel): [number, number[]][] {
  return records.flatMap((x): [number, number[]][] => {
    if (!main.test(x, null, null)) return [];
    const all: number[] = [];
    for (const clause of clauses) {
      const seqs = found(records, x, clause);
      if ((seqs === null) !== clause.isNot) return [];
      all.push(...(seqs === null ? [] : seqs));
    }
    return [[x.seq, all]];
  });
}
