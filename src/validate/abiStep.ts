/** One step of a sequence of calls as the oracle's ABI format has it: what was done, and what the kernel answered. */
import { z } from 'zod';
import { type AnswerLine, malformedAnswer, misfit } from './ndjson.node.ts';
import type { ScriptStep } from '../trace/script.ts';

/** The file that the sequences map: on tmpfs, opened for reading and writing. */
export const PROBE_FILE = '/tmp/probe.dat';

/** One line of /proc/self/maps: start and end (hex), permissions, file offset in bytes, 1 for a file. */
export type MapsArea = readonly [string, string, string, number, number];

/** What was done: a call, or a load or store of one byte. */
export type AbiAction = ScriptStep;

/** What there is to see after a step. Fields that a step does not have are null. */
export interface AbiAnswer {
  /** The result of a call that succeeded; an address for mmap and mremap. */
  ret: number | null;
  /** The errno of a call that failed. */
  err: number | null;
  /** mincore's vector, one character a page. */
  vec: string | null;
  /** 0, or the signal that an access raised. */
  signal: number | null;
  /** `si_code` of that signal. */
  code: number | null;
  /** Minor faults of an access. */
  minflt: number | null;
  /** The areas of the window. */
  maps: readonly MapsArea[] | null;
}

/** A step with the answer of the kernel. */
export interface AbiStep {
  /** Number of the step in its sequence. */
  index: number;
  /** Where it was read. */
  line: number;
  action: AbiAction;
  answer: AbiAnswer;
}

const digits = z.string().regex(/^[0-9a-f]{1,16}$/);
const hex = digits
  .transform((text) => Number.parseInt(text, 16))
  .refine((value) => Number.isSafeInteger(value), 'an address beyond 2^53');
const whole = z.int().nonnegative();
const area = z.tuple([digits, digits, z.string(), whole, whole]);
const called = {
  addr: hex,
  len: whole,
  err: whole.optional(),
  maps: z.array(area),
};
const answered = { ...called, ret: whole.optional() };
const placed = { ...called, ret: hex.optional() };
const touched = { addr: hex, signal: whole, code: z.int().optional(), minflt: whole };
const numbered = { seq: whole, i: z.int() };

const stepSchema = z.discriminatedUnion('op', [
  z.object({
    ...numbered,
    op: z.literal('mmap'),
    ...placed,
    prot: whole,
    flags: whole,
    file: z.union([z.literal(0), z.literal(1)]),
    off: whole,
  }),
  z.object({ ...numbered, op: z.literal('munmap'), ...answered }),
  z.object({ ...numbered, op: z.literal('mprotect'), ...answered, prot: whole }),
  z.object({ ...numbered, op: z.literal('mremap'), ...placed, newlen: whole, flags: whole, newaddr: hex }),
  z.object({ ...numbered, op: z.literal('madvise'), ...answered, advice: whole }),
  z.object({ ...numbered, op: z.literal('msync'), ...answered, flags: whole }),
  z.object({ ...numbered, op: z.literal('mincore'), ...answered, vec: z.string().regex(/^[01]*$/) }),
  z.object({ ...numbered, op: z.literal('mlock'), ...answered }),
  z.object({ ...numbered, op: z.literal('munlock'), ...answered }),
  z.object({ ...numbered, op: z.literal('load'), ...touched }),
  z.object({ ...numbered, op: z.literal('store'), ...touched }),
]);

type StepLine = z.output<typeof stepSchema>;

function actionOf(line: StepLine): AbiAction {
  if (line.op === 'load' || line.op === 'store') return { op: line.op, addr: line.addr };
  const range = { addr: line.addr, lengthBytes: line.len };
  switch (line.op) {
    case 'mmap': {
      const { prot, flags, off: offsetBytes } = line;
      return { op: 'mmap', ...range, prot, flags, file: line.file === 1 ? PROBE_FILE : null, offsetBytes };
    }
    case 'mremap': {
      const { addr, len: oldLengthBytes, newlen: newLengthBytes, flags, newaddr: newAddr } = line;
      return { op: 'mremap', addr, oldLengthBytes, newLengthBytes, flags, newAddr };
    }
    case 'mprotect':
      return { op: 'mprotect', ...range, prot: line.prot };
    case 'madvise':
      return { op: 'madvise', ...range, advice: line.advice };
    case 'msync':
      return { op: 'msync', ...range, flags: line.flags };
    default:
      return { op: line.op, ...range };
  }
}

function answerOf(line: StepLine): AbiAnswer {
  const nothing: AbiAnswer = { ret: null, err: null, vec: null, signal: null, code: null, minflt: null, maps: null };
  if (line.op === 'load' || line.op === 'store') {
    const { signal, code = null, minflt } = line;
    // The handler of a signal takes faults of its own, so the count says something only where there was none.
    return { ...nothing, signal, code: signal === 0 ? null : code, minflt: signal === 0 ? minflt : null };
  }
  const { ret = null, err = null, maps } = line;
  return { ...nothing, ret, err, vec: line.op === 'mincore' ? line.vec : null, maps };
}

/**
 * Reads one step.
 *
 * @throws GranuleError ANSWERS_MALFORMED with file, line and field
 * @example
 * ```ts
 * const value = { seq: 0, i: 3, op: 'load', addr: '200000000', signal: 0, minflt: 1 };
 * parseAbiStep({ file: 'x', line: 9, value }).step.answer.minflt; // 1
 * ```
 */
export function parseAbiStep(at: AnswerLine): { seq: number; step: AbiStep } {
  const parsed = stepSchema.safeParse(at.value);
  if (!parsed.success) throw misfit(at, parsed.error);
  const { seq, i: index } = parsed.data;
  if (!('signal' in parsed.data) && (parsed.data.ret === undefined) === (parsed.data.err === undefined)) {
    throw malformedAnswer(at, 'a call has either ret or err');
  }
  return { seq, step: { index, line: at.line, action: actionOf(parsed.data), answer: answerOf(parsed.data) } };
}
