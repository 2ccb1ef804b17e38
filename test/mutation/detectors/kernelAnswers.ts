/** What real kernels answered and counted, put to the sources under test. */
import { compareColumn, listQuestions } from '../../../src/validate/interfaces/interfaces.ts';
import { defaultChoices } from '../../../src/validate/interfaces/choices.ts';
import { readInterfaces } from '../../../src/validate/interfaces/interfacesFile.node.ts';
import { abiDesign } from '../../../src/validate/abiDesign.ts';
import { AbiTally } from '../../../src/validate/abiCompare.ts';
import { type AbiSequence, readAbiFile } from '../../../src/validate/abiFile.node.ts';
import { abiWorld, runAbi } from '../../../src/validate/abiRun.ts';
import { oneLine, type Verdict, verdictOf } from './verdict.ts';

/** Which sequences are played. */
export interface Sequences {
  pageBytes: number;
  kernelPageBytes: number;
  /** Those that have this call; all where it is absent. */
  op?: string;
  /** Of each file so many at most. */
  most?: number;
}

/** The first sequence that is answered otherwise, or breaks a law on its way. */
export async function sequenceAnswers({
  pageBytes,
  kernelPageBytes,
  op,
  most = Number.POSITIVE_INFINITY,
}: Sequences): Promise<Verdict | null> {
  const size = `${pageBytes / 1024}K`;
  const where = pageBytes === kernelPageBytes ? '' : ` on ${kernelPageBytes / 1024}K`;
  let played = 0;
  for await (const sequence of readAbiFile(`fixtures/oracle/abi-${size}.ndjson.gz`)) {
    if (op !== undefined && !sequence.steps.some(({ action }) => action.op === op)) continue;
    if (played++ >= most) return null;
    const run = `abi-${size}${where}, sequence ${sequence.seq}`;
    try {
      const verdict = playSequence(sequence, abiWorld(pageBytes, kernelPageBytes), run);
      if (verdict !== null) return verdict;
    } catch (error) {
      return verdictOf(error, run);
    }
  }
  return null;
}

/** Plays one sequence: what is answered otherwise, or breaks a law. */
export function playSequence(sequence: AbiSequence, world: ReturnType<typeof abiWorld>, run: string): Verdict | null {
  const { seq, fileBytes, steps } = sequence;
  const program = { name: `seq-${seq}`, fileBytes, actions: steps.map(({ action }) => action) };
  const made = runAbi(world, program, { checked: true });
  const { first } = new AbiTally().add(sequence, made);
  if (first === null) return null;
  if (made.failure !== null && first.model === null) return verdictOf(made.failure, run);
  if (first.fields.length === 0) return verdictOf(made.failure, run);
  const { step, fields, kernel, model } = first;
  const of = (side: typeof kernel | null): string =>
    JSON.stringify(Object.fromEntries(fields.map((field) => [field, side?.answer[field] ?? null])));
  const text = `step ${step.index} ${step.action.op}: ${of(model)}, a kernel ${of(kernel)}`;
  return { by: 'kernel answers', run, at: first.eventSeq, text: oneLine(text) };
}

/** The first of the fixed questions that is answered otherwise, as processes on a 4K kernel. */
export function interfaceAnswers(): Verdict | null {
  const read = readInterfaces('fixtures/oracle/interfaces.json');
  const list = listQuestions(read.questions.map(({ text }) => text));
  const settings = { kernelPageBytes: 4096, design: abiDesign([]), choices: defaultChoices };
  for (const column of read.columns) {
    if (column.pageBytes === settings.kernelPageBytes) continue;
    const run = `interfaces.json, ${column.name} on 4K`;
    try {
      const [first] = compareColumn(read, list, column, settings).differences;
      if (first === undefined) continue;
      return { by: 'interfaces', run, at: null, text: oneLine(JSON.stringify(first)) };
    } catch (error) {
      return verdictOf(error, run);
    }
  }
  return null;
}
