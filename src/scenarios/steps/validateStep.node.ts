/** Holds the model against answers of real kernels, for a scenario. */
import { basename, join } from 'node:path';
import { GranuleError } from '../../errors.ts';
import { formatCount } from '../../report/format.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import { parseSize } from '../../topology/schema.ts';
import { AbiTally } from '../../validate/abiCompare.ts';
import { abiDesign } from '../../validate/abiDesign.ts';
import { type AbiSequence, readAbiFile } from '../../validate/abiFile.node.ts';
import { type AbiProgram, abiWorld, runAbi } from '../../validate/abiRun.ts';
import { compareFootprint, FootprintTally } from '../../validate/footprintCompare.ts';
import { parseFootprintLine } from '../../validate/footprintLine.ts';
import { footprintSystem, runFootprint } from '../../validate/footprintRun.ts';
import { takeChoices } from '../../validate/interfaces/choices.ts';
import { compareColumn, listQuestions } from '../../validate/interfaces/interfaces.ts';
import { readInterfaces } from '../../validate/interfaces/interfacesFile.node.ts';
import { keepRun } from '../../validate/keepRun.node.ts';
import { readAnswers } from '../../validate/ndjson.node.ts';
import type { ValidateStep } from '../schema.ts';
import { type Evidence, eventEvidence, type MeasuredFigure, type StepResult } from './step.ts';

/** A validation, as a worker is sent it. */
export type ValidateTask = ValidateStep & { readonly kind: 'validate'; readonly name: string };

/** What a validation counted. */
interface Counted {
  readonly numbers: Readonly<Record<string, number>>;
  /** The event of the first difference, where a run of it was kept. */
  readonly first: Evidence | null;
  readonly unit: string;
  readonly logs: readonly string[];
}

function bytesOf(size: string): number {
  const bytes = parseSize(size);
  if (bytes === null) throw new GranuleError('SCENARIO_INVALID', `"${size}" is no size`);
  return bytes;
}

function programOf({ seq, fileBytes, steps }: AbiSequence): AbiProgram {
  return { name: `seq-${seq}`, fileBytes, actions: steps.map(({ action }) => action) };
}

async function countAbi(task: ValidateTask, folder: string): Promise<Counted> {
  const world = abiWorld(bytesOf(task.of), bytesOf(task.on), abiDesign(task.design));
  const tally = new AbiTally();
  let events = 0;
  let first: Evidence | null = null;
  const logs: string[] = [];
  const path = join(fixturesFolder('oracle'), `abi-${task.of}.ndjson.gz`);
  for await (const sequence of readAbiFile(path, { readBytes: 0, fileBytes: 0 })) {
    const program = programOf(sequence);
    const outcome = tally.add(sequence, runAbi(world, program));
    events += outcome.events;
    if (outcome.first === null || first !== null) continue;
    const kept = await keepRun(world, program, join(folder, 'logs', task.name));
    const log = `logs/${task.name}/${basename(kept)}`;
    logs.push(log);
    first = eventEvidence(log, outcome.first.eventSeq);
  }
  const { sequences, failedSequences, checks, differences } = tally;
  return { numbers: { sequences, failedSequences, checks, differences, events }, first, unit: 'checks', logs };
}

async function countFootprint(task: ValidateTask): Promise<Counted> {
  const tally = new FootprintTally();
  let skipped = 0;
  const design = abiDesign(['readOrder=process-page', ...task.design]);
  const path = join(fixturesFolder('oracle'), 'footprint.ndjson');
  for await (const at of readAnswers(path, { readBytes: 0, fileBytes: 0 })) {
    const line = parseFootprintLine(at);
    if ('reason' in line) {
      skipped += 1;
      continue;
    }
    const { pageBytes, thpAlwaysBytes, workload } = line;
    if (pageBytes !== bytesOf(task.of)) continue;
    const setting = { kernelPageBytes: bytesOf(task.on), pageBytes, thpAlwaysBytes, design };
    const system = footprintSystem(workload, setting, `line-${line.line}-${workload.kind}`);
    tally.add(compareFootprint(line, runFootprint(system)));
  }
  const { lines, failedLines, checks, differences } = tally;
  return { numbers: { lines, failedLines, checks, differences, skipped }, first: null, unit: 'checks', logs: [] };
}

function countInterfaces(task: ValidateTask): Counted {
  const { choices, others } = takeChoices(task.design);
  const design = abiDesign(others);
  const file = readInterfaces(join(fixturesFolder('oracle'), 'interfaces.json'));
  const list = listQuestions(file.questions.map(({ text }) => text));
  const settings = { kernelPageBytes: bytesOf(task.on), design, choices, decides: false };
  const columns = file.columns.filter(({ pageBytes }) => pageBytes === bytesOf(task.of));
  const reports = columns.map((column) => compareColumn(file, list, column, settings));
  const sum = (of: (report: (typeof reports)[number]) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  const numbers = {
    questions: file.questions.length,
    notUnderstood: list.notUnderstood.length,
    checks: sum(({ checks }) => checks),
    differences: sum(({ differences }) => differences.length),
  };
  return { numbers, first: null, unit: 'answers', logs: [] };
}

/** The command that does the same validation alone. */
function commandOf({ validate, of, on, design }: ValidateTask): string {
  const files = { abi: `abi-${of}.ndjson.gz`, footprint: 'footprint.ndjson', interfaces: 'interfaces.json' };
  const choices = design.map((choice) => ` --design ${choice}`).join('');
  return `granule validate ${validate} fixtures/oracle/${files[validate]} --on ${on}${choices}`;
}

/**
 * Does it. The figures are `checks`, `differences` and so on; the first ABI sequence that differs is kept with its log.
 *
 * @throws GranuleError ANSWERS_MALFORMED, SCENARIO_INVALID for a design that is none
 * @example
 * ```ts
 * const task = { kind: 'validate', validate: 'interfaces', of: '64K', on: '4K', design: [], name: 'one' } as const;
 * (await validateTask({ ...task, design: [] }, '/tmp/out')).figures.differences?.value; // 0
 * ```
 */
export async function validateTask(task: ValidateTask, folder: string): Promise<StepResult> {
  const started = performance.now();
  const counted =
    task.validate === 'abi'
      ? await countAbi(task, folder)
      : task.validate === 'footprint'
        ? await countFootprint(task)
        : countInterfaces(task);
  const command = commandOf(task);
  const plain: Evidence = { log: null, seq: null, command };
  const figures: Record<string, MeasuredFigure> = {};
  for (const [name, value] of Object.entries(counted.numbers)) {
    const shown = name === 'differences' || name.startsWith('failed') ? (counted.first ?? plain) : plain;
    figures[name] = { value, evidence: shown };
  }
  const { checks = 0, differences = 0 } = counted.numbers;
  const account = `${command}: ${formatCount(checks)} ${counted.unit}, ${formatCount(differences)} differ`;
  return { figures, series: {}, logs: counted.logs, account, seconds: (performance.now() - started) / 1000 };
}
