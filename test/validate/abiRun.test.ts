/**
 * Sequences of calls in worlds of several designs: each naive choice is seen.
 *
 * @models S-42
 */
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { AbiTally, differingFields } from '../../src/validate/abiCompare.ts';
import { abiDesign } from '../../src/validate/abiDesign.ts';
import { abiWorld, runAbi } from '../../src/validate/abiRun.ts';
import { type AbiAction, type AbiAnswer, type AbiStep, PROBE_FILE } from '../../src/validate/abiStep.ts';

const BASE = 0x200000000;
const FIXED_PRIVATE = 0x12;
const ANONYMOUS = 0x20;

function map(lengthBytes: number, file: string | null = null, addr = BASE): AbiAction {
  const flags = FIXED_PRIVATE | (file === null ? ANONYMOUS : 0);
  return { op: 'mmap', addr, lengthBytes, prot: 3, flags, file, offsetBytes: 0 };
}

function play(actions: AbiAction[], pageBytes = 4096, kernelPageBytes = pageBytes): ReturnType<typeof runAbi> {
  return runAbi(abiWorld(pageBytes, kernelPageBytes), { name: 'test', fileBytes: 200_000, actions });
}

const NOTHING: AbiAnswer = { ret: null, err: null, vec: null, signal: null, code: null, minflt: null, maps: null };

describe('a program of the model', () => {
  it('gives an answer for every step, accesses that follow each other too', () => {
    const { answers, failure } = play([
      { op: 'load', addr: BASE },
      map(65536),
      { op: 'store', addr: BASE },
      { op: 'store', addr: BASE + 1 },
      { op: 'load', addr: BASE + 4096 },
      { op: 'munmap', addr: BASE + 1, lengthBytes: 1 },
      { op: 'load', addr: BASE + 8192 },
    ]);
    expect(failure).toBeNull();
    const seen = answers.map(({ ret, err, signal, code, minflt }) => ({ ret, err, signal, code, minflt }));
    const access = { ret: null, err: null, signal: 0, code: null };
    expect(seen).toEqual([
      { ...access, signal: 11, code: 1, minflt: null },
      { ret: BASE, err: null, signal: null, code: null, minflt: null },
      { ...access, minflt: 1 },
      { ...access, minflt: 0 },
      { ...access, minflt: 1 },
      { ret: null, err: 22, signal: null, code: null, minflt: null },
      { ...access, minflt: 1 },
    ]);
  });

  it('goes on behind an access that raised a signal, and does not do it again', () => {
    const { answers } = play([
      { op: 'store', addr: BASE },
      { op: 'store', addr: BASE },
      map(4096),
      { op: 'store', addr: BASE },
    ]);
    expect(answers.map(({ signal }) => signal)).toEqual([11, 11, null, 0]);
  });

  it('shows the areas of the window alone, as /proc/self/maps has them', () => {
    const { answers } = play([map(8192), map(4096, PROBE_FILE, BASE + 8192)]);
    expect(answers.at(-1)?.maps).toEqual([
      ['200000000', '200002000', 'rw-p', 0, 0],
      ['200002000', '200003000', 'rw-p', 0, 1],
    ]);
  });

  it('runs with a page size of its own on a smaller kernel', () => {
    const [, { minflt, maps }] = play([map(1), { op: 'store', addr: BASE }], 65536, 4096).answers;
    expect({ minflt, maps }).toEqual({ minflt: 1, maps: [['200000000', '200010000', 'rw-p', 0, 0]] });
  });
});

describe('the comparison of answers', () => {
  it('asks for the fields that the kernel answered, and for all of them where the model has no answer', () => {
    expect(differingFields({ ...NOTHING, err: 22, maps: [] }, { ...NOTHING, err: 12, maps: [] })).toEqual(['err']);
    expect(differingFields({ ...NOTHING, signal: 0, minflt: 1 }, undefined)).toEqual(['signal', 'minflt']);
  });

  it('counts every check, and keeps the first difference with the state on both sides', () => {
    const actions: AbiAction[] = [map(4096), { op: 'store', addr: BASE }, { op: 'load', addr: BASE }];
    const run = play(actions);
    const kernel: AbiAnswer[] = [
      { ...NOTHING, ret: BASE, maps: [['200000000', '200001000', 'rw-p', 0, 0]] },
      { ...NOTHING, signal: 0, minflt: 1 },
      { ...NOTHING, signal: 0, minflt: 7 },
    ];
    const steps: AbiStep[] = actions.map((action, at) => ({ index: at, line: at + 1, action, answer: kernel[at] }));
    const tally = new AbiTally();
    const outcome = tally.add({ seq: 5, file: 'x', kernelPageBytes: 4096, fileBytes: 0, steps }, run);
    expect({ checks: tally.checks, differences: tally.differences, failed: tally.failedSequences }).toEqual({
      checks: 6,
      differences: 1,
      failed: 1,
    });
    expect(tally.firstDifferences()).toEqual([{ where: 'load minflt', sequences: 1 }]);
    expect(outcome.first?.fields).toEqual(['minflt']);
    expect(outcome.first?.kernel.mapsBefore).toEqual(outcome.first?.model?.mapsBefore);
    expect(outcome.first?.eventSeq).toBe(run.answers[2].seq);
  });

  it('takes a run that failed behind its last answer for failed, though no field differs', () => {
    const action = map(4096);
    const steps: AbiStep[] = [{ index: 0, line: 1, action, answer: { ...NOTHING, ret: BASE } }];
    const sequence = { seq: 0, file: 'x', kernelPageBytes: 4096, fileBytes: 0, steps };
    const tally = new AbiTally();
    const failure = new GranuleError('LAW_BROKEN', 'law 7');
    const { first } = tally.add(sequence, { ...play([action]), failure, events: 99 });
    expect({ failed: tally.failedSequences, differences: tally.differences }).toEqual({ failed: 1, differences: 0 });
    expect({ fields: first?.fields, at: first?.eventSeq, failure: first?.failure }).toEqual({
      fields: [],
      at: 98,
      failure: failure.format(),
    });
    expect(tally.firstDifferences()).toEqual([{ where: 'mmap failure', sequences: 1 }]);
  });

  it('takes a run that ended early for different from there on', () => {
    const steps: AbiStep[] = [{ index: 0, line: 1, action: map(4096), answer: { ...NOTHING, ret: BASE } }];
    const tally = new AbiTally();
    const sequence = { seq: 0, file: 'x', kernelPageBytes: 4096, fileBytes: 0, steps };
    const { first } = tally.add(sequence, { answers: [], failure: null, events: 3 });
    expect({ model: first?.model, failure: first?.failure }).toEqual({
      model: null,
      failure: 'the process ended before',
    });
  });
});

describe('choices of the design by name', () => {
  it('may be given one by one, those of THP by path', () => {
    const design = abiDesign(['fileTail=kernel-page', 'contpte=false', 'thp.sizes.64K=always']);
    expect(design).toMatchObject({ fileTail: 'kernel-page', contpte: false, thp: { sizes: { 65536: 'always' } } });
  });

  it('are refused where there is no such name or value', () => {
    expect(() => abiDesign(['fileTail'])).toThrow('"fileTail" is no NAME=VALUE');
    expect(() => abiDesign(['fileTail=page'])).toThrow();
    expect(() => abiDesign(['fileTale=kernel-page'])).toThrow();
  });
});
