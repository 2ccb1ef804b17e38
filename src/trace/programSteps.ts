/**
 * A program as a list of steps that a person writes: accesses and system calls, in the plain form that a topology holds.
 * Numbers may be written as `0x200000000` or `64K`, protections as `rw`, flags as `PRIVATE|ANONYMOUS`.
 */
import { z } from 'zod';
import { isObjectFile } from '../mm/objects/objectFile.ts';
import type { ImageSegment, RunSource, TraceCall, TraceFile } from '../mm/runs.ts';
import type { TraceStep } from './memoryTrace.ts';
import { callSchema, number } from './programCalls.ts';
import { type ScriptStep, scriptOf } from './script.ts';

/** Accesses that one step stands for at most: more belong in a trace. */
const STEP_ACCESSES_MAX = 1_000_000;

/** Accesses of one byte each, or instructions, `strideBytes` apart; one where no length is given. */
const accessSchema = z
  .strictObject({
    op: z.enum(['load', 'store', 'fetch']),
    addr: number,
    lengthBytes: number.default(1),
    strideBytes: number.default(4096),
    /** Of stores: what they fill the range with, as ksmd will compare it; 0 is zeroes. */
    value: z.int().nonnegative().optional(),
  })
  .refine(
    ({ lengthBytes, strideBytes }) => strideBytes > 0 && lengthBytes / strideBytes <= STEP_ACCESSES_MAX,
    `one step is ${STEP_ACCESSES_MAX} accesses at most, each behind the other`,
  );

/**
 * The steps of a program, as a topology may write them.
 *
 * @example
 * ```ts
 * programSchema.parse([{ op: 'brk', addr: '4K' }]); // [{ op: 'brk', addr: 4096 }]
 * ```
 */
export const programSchema = z
  .array(z.discriminatedUnion('op', [accessSchema, callSchema]))
  .min(1)
  .meta({ id: 'program' });

/** Steps with every number a number and every default filled in. */
export type ProgramSteps = z.output<typeof programSchema>;

/** Calls that give a name of the program to something that they make. */
const MAKING_CALLS: ReadonlySet<string> = new Set([
  'memfd_create',
  'perf_event_open',
  'io_uring_setup',
  'bpf_map_create',
  'packet_ring',
  'io_setup',
]);

const STACK_END = 0xffffffff0000;
/** The program that written-out steps run in, small and static: code, heap and stack, on bounds that suit every page size. */
export const PROGRAM_IMAGE: readonly ImageSegment[] = [
  { kind: 'program', addr: 0x400000, lengthBytes: 0x80000, prot: 5, file: null, offsetBytes: 0 },
  { kind: 'heap', addr: 0x500000, lengthBytes: 0x40000, prot: 3, file: null, offsetBytes: 0 },
  { kind: 'stack', addr: STACK_END - 0x20000, lengthBytes: 0x20000, prot: 3, file: null, offsetBytes: 0 },
];

function accessesOf(step: z.output<typeof accessSchema>): ScriptStep[] {
  const { op, addr, lengthBytes, strideBytes, value } = step;
  const count = Math.ceil(lengthBytes / strideBytes);
  const accesses = Array.from({ length: count }, (_, at): ScriptStep => ({ op, addr: addr + at * strideBytes }));
  return value === undefined || op === 'load' ? accesses : [...accesses, { op: 'pattern', addr, lengthBytes, value }];
}

function scriptSteps(steps: ProgramSteps): ScriptStep[] {
  return steps.flatMap((step): ScriptStep[] =>
    step.op === 'load' || step.op === 'store' || step.op === 'fetch' ? accessesOf(step) : [step as TraceCall],
  );
}

/** What the program makes itself, and devices, are no files of the topology. */
function filesOfScript(script: readonly ScriptStep[]): TraceFile[] {
  const files = new Set(script.flatMap((step) => ('file' in step && step.file !== null ? [step.file] : [])));
  const made = new Set(script.flatMap((step) => (MAKING_CALLS.has(step.op) && 'file' in step ? [step.file] : [])));
  const paths = [...files].filter((path) => !made.has(path) && !isObjectFile(path)).sort();
  return paths.map((path) => ({ path, sizeBytes: 0 }));
}

/**
 * The files that a program names.
 *
 * @example
 * ```ts
 * programFiles(programSchema.parse([{ op: 'ftruncate', file: '/a', sizeBytes: 0 }])); // [{ path: '/a', sizeBytes: 0 }]
 * ```
 */
export function programFiles(steps: ProgramSteps): TraceFile[] {
  return filesOfScript(scriptSteps(steps));
}

const LETTERS = { load: 'R', store: 'W', fetch: 'X' } as const;

/**
 * The steps of a program as those of a trace, for one that is a part of something larger.
 *
 * @example
 * ```ts
 * programTraceSteps(programSchema.parse([{ op: 'load', addr: '64K' }])); // [{ access: 'R', addr: 65536 }]
 * ```
 */
export function programTraceSteps(steps: ProgramSteps): TraceStep[] {
  return scriptSteps(steps).map((step): TraceStep => {
    if (step.op !== 'load' && step.op !== 'store' && step.op !== 'fetch') return step as TraceCall;
    return { access: LETTERS[step.op], addr: (step as { addr: number }).addr };
  });
}

/**
 * The trace of a program: what a process runs. Its layout suits every page size, which its name says.
 *
 * @example
 * ```ts
 * const steps = programSchema.parse([{ op: 'store', addr: '0x500000', lengthBytes: '8K' }]);
 * const trace = programTrace('two pages', steps);
 * [trace.name, trace.references]; // ['two pages~64K', 3]
 * ```
 */
export function programTrace(name: string, steps: ProgramSteps): RunSource {
  const script = scriptSteps(steps);
  const surroundings = { image: [...PROGRAM_IMAGE], files: filesOfScript(script) };
  return scriptOf(script, { name: `${name}~64K`, entry: PROGRAM_IMAGE[0].addr, ...surroundings }).trace;
}
