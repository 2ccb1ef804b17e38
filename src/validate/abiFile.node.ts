/** Reads a file in the oracle's ABI format, sequence by sequence, and learns of which kernel it speaks. */
import { basename } from 'node:path';
import { z } from 'zod';
import { GRANULES } from '../arch/granule.ts';
import { type AbiStep, parseAbiStep } from './abiStep.ts';
import { type AnswerLine, malformedAnswer, misfit, readAnswers, type ReadProgress } from './ndjson.node.ts';

/** Size of the mapped file where no header says. */
const FILE_BYTES = 200_000;
/** Sequences that are read ahead to learn the page size of a kernel that no header names. */
const SAMPLE_SEQUENCES = 64;

/** One sequence: a fresh process with a fresh file, and its calls in order. */
export interface AbiSequence {
  seq: number;
  file: string;
  /** Page size of the kernel that answered. */
  kernelPageBytes: number;
  /** Size of the mapped file. */
  fileBytes: number;
  steps: AbiStep[];
}

const headerSchema = z.object({ kernel_page_size: z.literal(GRANULES), file_size: z.int().nonnegative().optional() });
const diedSchema = z.object({ seq: z.int(), died: z.int() });

interface Header {
  kernelPageBytes: number | null;
  fileBytes: number;
}

function isHeader(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kernel_page_size' in value;
}

function parseHeader(at: AnswerLine): Header {
  const parsed = headerSchema.safeParse(at.value);
  if (!parsed.success) throw misfit(at, parsed.error);
  return { kernelPageBytes: parsed.data.kernel_page_size, fileBytes: parsed.data.file_size ?? FILE_BYTES };
}

type Draft = AbiSequence & { header: Header };

/** The sequences as they come; the page size is 0 where no header has been seen. */
async function* drafts(path: string, progress: ReadProgress): AsyncGenerator<Draft> {
  let header: Header = { kernelPageBytes: null, fileBytes: FILE_BYTES };
  let open: Draft | null = null;
  for await (const at of readAnswers(path, progress)) {
    if (isHeader(at.value)) {
      if (open !== null) yield open;
      open = null;
      header = parseHeader(at);
      continue;
    }
    // The probe died of a signal that it does not handle: the sequence ends there.
    if (diedSchema.safeParse(at.value).success) continue;
    const { seq, step } = parseAbiStep(at);
    const last = open?.steps.at(-1)?.index ?? Number.POSITIVE_INFINITY;
    if (open === null || open.seq !== seq || step.index <= last) {
      if (open !== null) yield open;
      const { kernelPageBytes, fileBytes } = header;
      open = { seq, file: path, kernelPageBytes: kernelPageBytes ?? 0, fileBytes, steps: [], header };
    }
    open.steps.push(step);
  }
  if (open === null) throw malformedAnswer({ file: path, line: 1 }, 'not one sequence');
  yield open;
}

/**
 * The page size that answers prove where no header says: the largest that divides every bound of every area. Where that
 * leaves a choice, `name` (of the file) may say less.
 *
 * @example
 * ```ts
 * provenPageSize([], 'abi-16K.ndjson.gz'); // 16384
 * ```
 */
export function provenPageSize(sequences: readonly { steps: readonly AbiStep[] }[], name: string): number {
  let proven = Math.max(...GRANULES);
  for (const { steps } of sequences) {
    for (const { answer } of steps) {
      for (const bound of answer.maps?.flatMap(([start, end]) => [start, end]) ?? []) {
        while (Number.parseInt(bound, 16) % proven !== 0 && proven > Math.min(...GRANULES)) proven /= 4;
      }
    }
  }
  const named = /(?:^|[^0-9A-Za-z])(4|16|64)K(?:[^0-9A-Za-z]|$)/.exec(name);
  return named === null ? proven : Math.min(proven, Number(named[1]) * 1024);
}

/**
 * The sequences of a file. The kernel's page size is in its header line, or else in the answers themselves.
 *
 * @throws GranuleError as `readAnswers`, and ANSWERS_MALFORMED for a line that is no step
 * @example
 * ```ts
 * for await (const { kernelPageBytes, steps } of readAbiFile('fixtures/oracle/abi-64K.ndjson.gz')) {
 *   kernelPageBytes; // 65536
 *   steps.length; // 62
 * }
 * ```
 */
export async function* readAbiFile(
  path: string,
  progress: ReadProgress = { readBytes: 0, fileBytes: 0 },
): AsyncGenerator<AbiSequence> {
  const sample: Draft[] = [];
  let proven = 0;
  const known = ({ header, ...sequence }: Draft): AbiSequence => {
    return { ...sequence, kernelPageBytes: header.kernelPageBytes ?? proven };
  };
  let sampling = true;
  for await (const draft of drafts(path, progress)) {
    if (!sampling) {
      yield known(draft);
      continue;
    }
    sample.push(draft);
    if (draft.header.kernelPageBytes === null && sample.length < SAMPLE_SEQUENCES) continue;
    sampling = false;
    proven = provenPageSize(sample, basename(path));
    for (const one of sample) yield known(one);
  }
  if (!sampling) return;
  proven = provenPageSize(sample, basename(path));
  for (const one of sample) yield known(one);
}
