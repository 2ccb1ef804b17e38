/** The account of a found path from its log. */
import type { LogReader } from '../../log/logReader.ts';
import type { LogRecord } from '../../log/record.ts';
import type { RunSource } from '../../mm/runs.ts';
import { recordChangeText } from '../../report/changeText.ts';
import { payloadLine } from '../../report/recordText.ts';
import { changeInBrief } from '../../timeline/changes.ts';
import { viewOf } from '../../timeline/systemView.ts';
import { causeChain } from '../../timeline/why.ts';
import { openMeta } from '../../topology/meta.ts';
import type { Discovery, Property } from '../model.ts';
import { type Account, type AccountStep, titleOf } from './account.ts';
import { countsText, type Mattering, whatMatters } from './matters.ts';
import { settingOf } from './setting.ts';

/** Steps that are told, the last ones: what came before is counted. */
const STEPS_MOST = 40;
/** Events of the chain of causes that are shown. */
const CHAIN_MOST = 20;
/** Characters of a payload. */
const PAYLOAD_CHARACTERS = 80;
const CHANGES_MOST = 8;

/** What an account is made of. */
export interface LogAccountRequest {
  readonly reader: LogReader;
  readonly traces: ReadonlyMap<number, RunSource>;
  readonly discovery: Pick<Discovery, 'property' | 'kind' | 'fault' | 'circleLength'>;
  readonly property: Pick<Property<never>, 'says'>;
  /** What its parameters are, where it has any, a line each. */
  readonly parameters?: readonly string[];
  /** How it was found, a line each. */
  readonly found: readonly string[];
  /** Commands to go on with. */
  readonly next: readonly string[];
}

/** Hashes name programs; their beginnings do as well. */
const HASH = /\b([0-9a-f]{8})[0-9a-f]{56}\b/g;

function eventText({ from, to, type, payload }: LogRecord): string {
  const text = payloadLine(payload, Number.POSITIVE_INFINITY).replaceAll(HASH, '$1');
  const shown = text.length > PAYLOAD_CHARACTERS ? `${text.slice(0, PAYLOAD_CHARACTERS)}...` : text;
  return `${from} to ${to}: ${type} ${shown}`.trimEnd();
}

/** What the vocabulary says of a message, that of definitions as well. */
function saysOf({ reader, traces }: Pick<LogAccountRequest, 'reader' | 'traces'>, type: string): string {
  const { catalogue } = viewOf(reader, traces).run;
  return catalogue.row(type)?.says ?? '';
}

/** The last event, and the last one of each actor that the fault names: those that are explained. */
function explained(reader: LogReader, fault: string): number[] {
  const named = reader
    .actors()
    .filter(({ id }) => new RegExp(`(?:^|[^\\w:.])${id.replaceAll(/[^\w:]/g, '\\$&')}(?![\\w:])`).test(fault));
  const lasts = named.flatMap(({ id }) => {
    let last = -1;
    for (const { seq } of reader.byActor(id)) last = seq;
    return last < 0 ? [] : [last];
  });
  return [...new Set([reader.lastSeq, ...lasts])].sort((left, right) => right - left);
}

/** The steps, each with the counts of what lies between it and the one before. */
function stepsOf(request: LogAccountRequest, matters: readonly Mattering[]): AccountStep[] {
  const { reader } = request;
  let next = reader.firstSeq;
  return matters.map(({ record, who, isCause }): AccountStep => {
    const skipped = [...reader.range(next, record.seq - 1)];
    next = record.seq + 1;
    const before = [isCause ? '' : 'it came between', countsText(skipped)]
      .filter((text) => text !== '')
      .join('; before it ');
    return { who, text: `${record.seq}, ${eventText(record)}`, says: saysOf(request, record.type), before };
  });
}

function chainLines(reader: LogReader): string[] {
  const chain = causeChain(reader, reader.lastSeq, CHAIN_MOST);
  const rest = chain.at(-1)?.cause ?? -1;
  const lines = chain.map((record) => `${String(record.seq).padStart(6)} ${eventText(record)}`);
  return rest < 0 ? [...lines, '       from outside'] : [...lines, `       and on from ${rest}`];
}

/** What the last event changed: for most properties these are the two values that do not fit. */
function lastChange({ reader, traces }: LogAccountRequest): string[] {
  const view = viewOf(reader, traces);
  const record = reader.read(reader.lastSeq);
  const change = changeInBrief(view.run, view.snapshot(record.to, record.seq - 1), record);
  return recordChangeText(change, { lines: CHANGES_MOST, indent: '' }).trimEnd().split('\n');
}

/**
 * The account of what a search found, from the log of its path: only the steps that matter are told, what else happened is counted.
 *
 * @throws GranuleError LOG_DAMAGED, TRACE_MISSING
 * @example
 * ```ts
 * const process = { pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] };
 * const made = run(defineTopology({ name: 'one', processes: [process] }));
 * const discovery = { property: 'small', kind: 'always', fault: 'it is large' } as const;
 * const request = { reader: made.log, traces: made.traces, discovery, property: { says: 'It is small.' }, found: [], next: [] };
 * logAccount(request).title; // 'one: small is broken'
 * ```
 */
export function logAccount(request: LogAccountRequest): Account {
  const { reader, discovery, property, parameters = [], found, next } = request;
  const { topology } = openMeta(reader.meta);
  const base = {
    title: titleOf(topology.name, discovery),
    says: property.says,
    fault: discovery.fault,
    setting: [...settingOf(topology), ...parameters],
  };
  const ends = [
    { heading: 'How it was found', lines: found, isLiteral: false },
    { heading: 'To go on', lines: next, isLiteral: true },
  ];
  if (reader.records === 0) return { ...base, steps: [], told: '', parts: ends };
  const matters = whatMatters(reader, explained(reader, discovery.fault));
  const steps = stepsOf(request, matters).slice(-STEPS_MOST);
  const circle = discovery.circleLength;
  const round = circle === undefined ? '' : ` The last ${circle} events lead back to the state before them.`;
  const told = `${reader.records} events; told are the ${steps.length} that the end goes back to, or that came between.${round}`;
  return {
    ...base,
    steps,
    told,
    parts: [
      { heading: 'What the last event changed', lines: lastChange(request), isLiteral: true },
      { heading: 'Its causes, the last first', lines: chainLines(reader), isLiteral: true },
      ...ends,
    ],
  };
}
