/**
 * Every point at which layer 1 looks at the page size of the caller, taken away in turn: the answers that real kernels of 64K
 * pages gave must notice, and for calls that they were not asked, answers worked out from the kernel's functions.
 *
 * @models S-20 S-22
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { describeStep } from '../../src/mm/abi/ruleText.ts';
import { type AbiRule, abiRules, type RuledCall } from '../../src/mm/abi/rules.ts';
import type { Step } from '../../src/mm/abi/steps.ts';
import { AbiTally } from '../../src/validate/abiCompare.ts';
import { type AbiSequence, readAbiFile } from '../../src/validate/abiFile.node.ts';
import { abiWorld, runAbi } from '../../src/validate/abiRun.ts';
import { questionFault, steps } from '../mm/support/interfaces.ts';
import { WORKED_OUT, workedOut } from '../mm/support/unaskedCalls.ts';
import { workedOutFault } from '../mm/support/workedOut.ts';

const K64 = 65536;
/** Sequences that are played for a point before it counts as not noticed. */
const SEQUENCES_MOST = 60;

const LOOKS_AT_PAGE = new Set<Step['do']>(['aligned', 'up', 'down', 'outward', 'hint', 'cap']);
/** Conditions that ask for the caller's page size. */
const CONDITIONS = new Set(['hugeSizeUnknown', 'vectorOutside', 'pgoffWraps', 'maskTooLong']);

interface Point {
  op: RuledCall['op'];
  list: 'steps' | 'late';
  at: number;
  step: Step;
}

const points: Point[] = (Object.keys(abiRules) as RuledCall['op'][]).flatMap((op) =>
  (['steps', 'late'] as const).flatMap((list) =>
    (abiRules[op][list] ?? []).flatMap((step, at) => {
      const looks = LOOKS_AT_PAGE.has(step.do) || (step.do === 'refuse' && CONDITIONS.has(step.when));
      return looks ? [{ op, list, at, step }] : [];
    }),
  ),
);

const nameOf = ({ op, step }: Point): string => `${op}: ${describeStep(step)}`;

/** Runs something with one step of a rule left out. */
function without<T>({ op, list, at }: Point, run: () => T): T {
  const rules = abiRules as Record<string, AbiRule>;
  const rule = rules[op];
  rules[op] = { ...rule, [list]: (rule[list] ?? []).filter((_, index) => index !== at) };
  try {
    return run();
  } finally {
    rules[op] = rule;
  }
}

let sequences: AbiSequence[] = [];
beforeAll(async () => {
  for await (const sequence of readAbiFile('fixtures/oracle/abi-64K.ndjson.gz')) sequences.push(sequence);
});

/** Whether a recorded sequence is answered otherwise, or cannot be played at all. */
function noticedBySequences(point: Point): boolean {
  const with_ = sequences.filter((sequence) => sequence.steps.some(({ action }) => action.op === point.op));
  return with_.slice(0, SEQUENCES_MOST).some((sequence) => {
    const { seq, fileBytes, steps: asked } = sequence;
    const program = { name: `seq-${seq}`, fileBytes, actions: asked.map(({ action }) => action) };
    const tally = new AbiTally();
    try {
      tally.add(sequence, runAbi(abiWorld(K64, 4096), program));
    } catch {
      return true;
    }
    return tally.differences > 0;
  });
}

function noticedByQuestions(point: Point): boolean {
  if (!steps.some(({ action }) => action.op === point.op)) return false;
  try {
    return questionFault(K64, 4096) !== null;
  } catch {
    // The model's own checks stop it: unaligned ranges reached an address space.
    return true;
  }
}

function noticedByCalls({ op }: Point): boolean {
  return workedOutFault(op) !== null;
}

/** Calls with a point that no kernel of the recordings was asked about. */
const UNASKED: string[] = [
  'mbind',
  'mincore',
  'mmap',
  'mseal',
  'msync',
  'pkey_mprotect',
  'read',
  'remap_file_pages',
  'set_mempolicy_home_node',
  'set_vma_anon_name',
  'shmat',
  'shmdt',
  'uffdio_continue',
  'uffdio_copy',
  'uffdio_move',
  'uffdio_poison',
  'uffdio_register',
  'uffdio_unregister',
  'uffdio_wake',
  'uffdio_writeprotect',
  'uffdio_zeropage',
  'write',
];

describe('a point of layer 1 that is taken away', () => {
  it('is noticed in the answers of real kernels, or in what was worked out where they were not asked', () => {
    const unasked = points.filter(
      (point) => !without(point, () => noticedBySequences(point) || noticedByQuestions(point)),
    );
    const missed = unasked.filter((point) => !without(point, () => noticedByCalls(point)));
    expect(points.length).toBeGreaterThan(40);
    expect(missed.map(nameOf)).toEqual([]);
    // The recordings notice all but these: what is listed here is known to be held by calls that were worked out alone.
    expect([...new Set(unasked.map(({ op }) => op))].sort()).toEqual(UNASKED);
    expect(unasked.length).toBe(38);
  });

  it('is what makes the answers right: with all of them in place each is as worked out', () => {
    for (const [call, wanted] of WORKED_OUT) expect(workedOut(call), JSON.stringify(call)).toBe(wanted);
  });
});
