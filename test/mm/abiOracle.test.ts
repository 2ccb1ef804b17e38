/**
 * The fixed questions that real kernels of 4K, 16K and 64K answered (`fixtures/oracle/interfaces.json`): put to the model as
 * the plain kernel of that size, and as a process of that size on a 4K kernel.
 *
 * @models S-01 S-20 S-22 S-46 D-19
 */
import { describe, expect, it } from 'vitest';
import { translateCall } from '../../src/mm/abiRules.ts';
import { answersOf, BASE, OFFSETS, oracle, steps } from './support/interfaces.ts';

const SIZES: [name: string, pageBytes: number][] = [
  ['4K', 4096],
  ['16K', 16384],
  ['64K', 65536],
];

/** Answered by a rule alone: userfaultfd itself is not modelled. */
const ranges = OFFSETS.flatMap((offset): [question: string, addr: number, lengthBytes: number][] => [
  [`UFFDIO_REGISTER +${offset} len 65536`, BASE + offset, 65536],
  [`UFFDIO_ZEROPAGE +${offset} len 4096`, BASE + offset, 4096],
]);

/** Questions that the model does not answer, and why. */
const outside: [why: string, questions: RegExp][] = [
  ['BPF maps, perf and io_uring rings are objects of their own', /BPF|perf|io_uring/],
  ['pipes have no memory here', /PIPE_SZ/],
  ['userfaultfd has a rule for ranges only', /^UFFDIO_API$/],
  [
    'settings of the kernel, which files of sysfs and procfs show',
    /^(hpage_pmd_size|hugepages\/|transparent_hugepage\/)$/,
  ],
  [
    'settings of the kernel, which files of sysfs and procfs show',
    /^(mmap_min_addr|max_map_count|min_free_kbytes|shmmax)$/,
  ],
  ['limits that the program of the oracle inherited', /^RLIMIT_/],
  ['the text of smaps and the flags of pagemap', /^(smaps|pagemap)/],
  ['sizes of the oracle program’s own areas, and its vdso', /^(size of )?\[(heap|stack|vdso|vvar)\]/],
];

describe.each(SIZES)('the fixed questions to a kernel of %s', (name, pageBytes) => {
  const worlds = pageBytes === 4096 ? [pageBytes] : [pageBytes, 4096];

  it.each(worlds)('are answered alike by the model on a kernel of %i', (kernelPageBytes) => {
    const model = answersOf(pageBytes, kernelPageBytes);
    for (const [question, answer] of model) {
      expect(answer, question).toEqual(oracle[question]?.[name]);
    }
  });

  it.each(ranges)('%s', (question, addr, lengthBytes) => {
    const answer = translateCall({ op: 'userfaultfd_range', addr, lengthBytes }, pageBytes);
    const wanted = oracle[question]?.[name];
    if (wanted?.err === undefined) expect(answer).toHaveProperty('call');
    else expect(answer).toEqual({ errno: wanted.err });
  });
});

it('leaves out no question but those that are named with a reason', () => {
  const asked = new Set([...steps.map(({ question }) => question), ...ranges.map(([question]) => question)]);
  for (const question of Object.keys(oracle)) {
    const excused = outside.some(([, pattern]) => pattern.test(question));
    expect(asked.has(question) !== excused, question).toBe(true);
  }
});
