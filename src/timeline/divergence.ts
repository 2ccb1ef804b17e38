/** Where a replay left its recording, said so that one can act on it: what differs, why it may, and what to run next. */
import type { LogReader } from '../log/logReader.ts';
import type { LogRecord } from '../log/record.ts';
import { type Catalogue, catalogueOfRegistry } from '../topology/definitions/catalogue.ts';
import { codeFingerprint, type OpenedMeta } from '../topology/meta.ts';
import { causeChain } from './why.ts';

/** Causes shown: the near ones tell most, and `granule why` prints all. */
const CAUSES_SHOWN = 8;
/** Records shown around the place by the command that is printed. */
const RECORDS_AROUND = 10;
/** Characters of a value that are shown. */
const VALUE_CHARACTERS = 200;

/** The first difference between a recording and its replay. */
export interface Divergence {
  /** The record that differs, or after which the state does. */
  readonly seq: number;
  /** The field: `payload.pfns[0]`, `timeCycles`, `state of zone: context.allocations`, `delivery`, `head hash`. */
  readonly what: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
  readonly actor: string;
  /** From the record back towards the outside, as the log has it. */
  readonly causes: readonly LogRecord[];
  readonly likely: readonly string[];
  /** Commands to run next. */
  readonly next: readonly string[];
}

/** What was found to differ. */
export type Finding = Pick<Divergence, 'seq' | 'what' | 'recorded' | 'replayed' | 'actor'>;

function likelyCauses(meta: OpenedMeta, finding: Finding, catalogue: Catalogue): string[] {
  const here = codeFingerprint(catalogue);
  if (meta.code !== here) return [`the log was written by other code: ${meta.code}; this is ${here}`];
  const likely = [`the code has the same fingerprint as the writer's (${here}), so the model was changed without it,`];
  likely.push(
    finding.what.startsWith('state of')
      ? 'or that actor changed without a message: something outside its transition wrote to its state'
      : 'or a transition depends on more than its state and its message',
  );
  return likely;
}

/**
 * A divergence with all that helps to find its reason.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * const finding = { seq: 5, what: 'timeCycles', recorded: 7, replayed: 8, actor: 'mm:1' };
 * divergenceOf(reader, openMeta(reader.meta), finding).next[0]; // 'granule state memory --at 4 --actor mm:1'
 * ```
 */
export function divergenceOf(reader: LogReader, meta: OpenedMeta, finding: Finding): Divergence {
  const { seq, actor } = finding;
  const { name } = reader.storage;
  const isInLog = seq >= reader.firstSeq && seq <= reader.lastSeq;
  const around = { from: Math.max(reader.firstSeq, seq - RECORDS_AROUND), to: seq };
  return {
    ...finding,
    causes: isInLog ? causeChain(reader, seq, CAUSES_SHOWN) : [],
    likely: likelyCauses(meta, finding, catalogueOfRegistry(reader.registry)),
    next: [
      ...(actor === '' ? [] : [`granule state ${name} --at ${seq - 1} --actor ${actor}`]),
      `granule log ${name} --from ${around.from} --to ${around.to}`,
      ...(isInLog ? [`granule why ${name} ${seq}`] : []),
    ],
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS)}... (${text.length} characters)`;
}

/**
 * A divergence as the command line prints it.
 *
 * @example
 * ```ts
 * const finding = { seq: 5, what: 'timeCycles', recorded: 7, replayed: 8, actor: 'mm:1' };
 * const [first] = formatDivergence({ ...finding, causes: [], likely: [], next: [] }).split('\n');
 * first; // 'The replay left the recording at seq 5 (mm:1): timeCycles'
 * ```
 */
export function formatDivergence(divergence: Divergence): string {
  const { seq, actor, what, recorded, replayed, causes, likely, next } = divergence;
  const lines = [
    `The replay left the recording at seq ${seq}${actor === '' ? '' : ` (${actor})`}: ${what}`,
    `  recorded  ${shown(recorded)}`,
    `  replayed  ${shown(replayed)}`,
  ];
  if (causes.length > 0) lines.push('How the recording came there:');
  for (const cause of causes) {
    lines.push(`  seq ${cause.seq}  time ${cause.timeCycles}  ${cause.from} -> ${cause.to}  ${cause.type}`);
  }
  if (likely.length > 0) lines.push('Likely:', ...likely.map((line) => `  ${line}`));
  if (next.length > 0) lines.push('Run next:', ...next.map((line) => `  ${line}`));
  return lines.join('\n');
}
