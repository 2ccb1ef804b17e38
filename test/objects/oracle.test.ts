/**
 * The rules of mapped objects against what real kernels of each page size answered.
 *
 * @models S-33 D-13
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ObjectReply, answerObjectQuestion } from '../../src/mm/objects/questions.ts';
import { sizesOf } from '../../src/mm/objects/mapping.ts';

type Answers = Record<string, Record<string, ObjectReply>>;
const answers = JSON.parse(readFileSync('fixtures/oracle/interfaces.json', 'utf8')) as Answers;
const kernels = { '4K': 4096, '16K': 16384, '64K': 65536 };
/** What the file holds of objects; heap and stack are the program's own. */
const ABOUT_OBJECTS = /perf|BPF|io_uring|\[v(?:dso|var)\]/;

const asked = Object.keys(answers).filter((question) => ABOUT_OBJECTS.test(question));

describe('objects as real kernels have them', () => {
  test('there are questions of every kind', () => expect(asked.length).toBe(36));

  test.each(Object.entries(kernels))('a %s kernel', (kernel, pageBytes) => {
    const given = asked.map((question) => [question, answers[question]?.[kernel] ?? null]);
    const modelled = asked.map((question) => [
      question,
      answerObjectQuestion(question, sizesOf(pageBytes, pageBytes, 'kernel-page')),
    ]);
    expect(modelled).toEqual(given);
  });

  test.each([16384, 65536])(
    'objects made of pages of %i answer on a 4K kernel as on a kernel of that size',
    (pageBytes) => {
      const own = sizesOf(pageBytes, pageBytes, 'kernel-page');
      const there = sizesOf(pageBytes, 4096, 'process-page');
      for (const question of asked) {
        expect([question, answerObjectQuestion(question, there)]).toEqual([
          question,
          answerObjectQuestion(question, own),
        ]);
      }
    },
  );

  test('objects of the kernel page refuse most of what a 64K process wants', () => {
    const differs = asked.filter((question) => {
      const own = answerObjectQuestion(question, sizesOf(65536, 65536, 'kernel-page'));
      const there = answerObjectQuestion(question, sizesOf(65536, 4096, 'kernel-page'));
      return JSON.stringify(own) !== JSON.stringify(there);
    });
    expect(differs).toContain('mmap perf ring 65536');
    expect(differs).toContain('mmap perf ring 131072');
    expect(differs).toContain('mmap BPF ringbuf 65536 consumer page 4096');
    expect(differs).toContain('mmap BPF array 4096');
    expect(differs).toContain('size of [vdso]');
    expect(differs).not.toContain('io_uring mmap SQ ring 131072');
  });
});
