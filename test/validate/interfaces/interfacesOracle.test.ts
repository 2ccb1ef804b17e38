/**
 * The fixed questions to real kernels, put to the model: no answer differs, on the plain kernel of each size and as a process of
 * that size on a 4K kernel. And questions with any other numbers: both worlds of the model answer alike.
 *
 * @models S-01 S-20 S-22 S-24 S-25 S-26 S-46 D-19
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultDesign } from '../../../src/arch/design.ts';
import { CHOICE_NAMES, defaultChoices, takeChoices } from '../../../src/validate/interfaces/choices.ts';
import { answerAll, compareColumn, listQuestions, worldOf } from '../../../src/validate/interfaces/interfaces.ts';
import { columnOf, parseInterfaces, readInterfaces } from '../../../src/validate/interfaces/interfacesFile.node.ts';
import '../../support/propertySeed.ts';
import { plainText, rangeText, seenText } from './questionTexts.ts';

const file = readInterfaces(new URL('../../../fixtures/oracle/interfaces.json', import.meta.url).pathname);
const list = listQuestions(file.questions.map(({ text }) => text));
const settings = { design: defaultDesign, choices: defaultChoices };

describe('the fixed questions', () => {
  it('are all understood', () => {
    expect(list.notUnderstood).toEqual([]);
    expect(file.questions.length).toBe(132);
  });

  it.each(file.columns.map((column) => [column.name, column] as const))(
    'are answered as by a kernel of %s',
    (_, column) => {
      const kernels = [...new Set([column.pageBytes, 4096])];
      for (const kernelPageBytes of kernels) {
        const { differences, checks } = compareColumn(file, list, column, { ...settings, kernelPageBytes });
        expect(differences).toEqual([]);
        expect(checks).toBeGreaterThan(120);
      }
    },
  );

  it('have another answer with the other value of each choice that decides one, and only there', () => {
    const column = columnOf('64K');
    expect(column).not.toBeNull();
    if (column === null) return;
    const { decides } = compareColumn(file, list, column, { ...settings, kernelPageBytes: 4096 });
    // perf_event_mlock_kb, _SC_PHYS_PAGES and a smaps right behind MADV_FREE are among none of the fixed questions.
    const others = ['settings', 'memoryTotal', 'lruBatches'];
    expect(decides.map(({ name }) => name)).toEqual(CHOICE_NAMES.filter((name) => !others.includes(name)));
    for (const { name, otherValue, answers } of decides) {
      const { choices } = takeChoices([`${name}=${otherValue}`]);
      const { differences } = compareColumn(file, list, column, { ...settings, choices, kernelPageBytes: 4096 });
      expect(differences.length).toBe(answers);
      expect(differences.every(({ choice }) => choice === name)).toBe(true);
    }
  });

  it('answer nothing out of the file: with other answers in it every one differs', () => {
    const wrong = Object.fromEntries(file.questions.map(({ text }) => [text, { '64K': { ret: 424_242 } }]));
    const read = parseInterfaces(wrong, 'wrong.json');
    const { checks, differences } = compareColumn(read, list, read.columns[0], { ...settings, kernelPageBytes: 4096 });
    expect([checks, differences.length]).toEqual([132, 132]);
  });
});

/** What a process of `name` answers on its own kernel, and on one of 4K pages. */
function bothWorlds(texts: readonly string[], name: string): unknown[] {
  const column = columnOf(name);
  if (column === null) throw new Error(name);
  const asked = listQuestions(texts);
  expect(asked.notUnderstood).toEqual([]);
  return [column.pageBytes, 4096].map((kernelPageBytes) => {
    const failures: string[] = [];
    const answers = answerAll(worldOf(column, kernelPageBytes, defaultDesign), defaultChoices, asked, failures);
    expect(failures).toEqual([]);
    return Object.fromEntries(answers);
  });
}

describe.each(['16K', '64K', '16K+mthp64'])('questions with any numbers, to %s', (name) => {
  it.each([
    ['calls on anonymous memory', rangeText, 8],
    ['smaps and pagemap', seenText, 3],
    ['everything else', plainText, 8],
  ] as const)('%s: the plain kernel and the process on a 4K kernel answer alike', (_, text, most) => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: most }), (texts) => {
        const [plain, process] = bothWorlds(texts, name);
        expect(process).toEqual(plain);
      }),
      { numRuns: 40 },
    );
  });
});
