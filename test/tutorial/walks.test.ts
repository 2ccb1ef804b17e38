/**
 * The tutorial, walked: every file that it has its reader write is written, every command is run, in order, in one folder for each
 * page, and what it prints is what the page shows.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT, Workplace } from '../cli/harness.ts';
import { departure, linesOf, snippetsOf, stepsOf } from './support/walk.ts';

const PAGES = ['tutorial-1.md', 'tutorial-2.md', 'tutorial-3.md'];

/** An error by its code, or a replay that found something. */
const FAILURE = /^([A-Z_]+: |The replay left the recording)/;

function page(name: string): string {
  return readFileSync(join(PROJECT, 'docs', name), 'utf8');
}

/** The words of a command line; single quotes hold one together. */
function wordsOf(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
}

for (const name of PAGES) {
  describe(`docs/${name}`, () => {
    let place: Workplace;
    beforeAll(() => {
      place = new Workplace();
      // As after `npm install granule`: its files are there, and modules of the reader's find it.
      mkdirSync(place.path('node_modules'));
      symlinkSync(PROJECT, place.path('node_modules/granule'));
    });
    afterAll(() => place.remove());

    async function output(command: string): Promise<{ code: number; text: string }> {
      const [program, ...args] = wordsOf(command);
      if (program === 'granule') {
        const { code, stdout, stderr } = await place.run(args);
        return { code, text: stdout + stderr };
      }
      const text = execFileSync('sh', ['-c', command], { cwd: place.folder, encoding: 'utf8' });
      return { code: 0, text };
    }

    for (const step of stepsOf(page(name))) {
      if (step.kind === 'file') {
        it(`line ${step.line}: the file ${step.name}`, () => {
          writeFileSync(place.path(step.name), step.text);
        });
        continue;
      }
      it(`line ${step.line}: ${step.command}`, async () => {
        const { code, text } = await output(step.command);
        const printed = linesOf(text);
        const wrong = departure(linesOf(step.prints), printed);
        expect(wrong === null ? '' : `not printed: ${wrong}\nprinted:\n${printed.join('\n')}`).toBe('');
        // A command that fails is one of which the page shows that it does.
        expect(code === 0 || step.prints.some((line) => FAILURE.test(line))).toBe(true);
      });
    }

    it('shows no code that is not where it says', () => {
      const shown = [
        'fixtures/topologies/smmu.mjs',
        'fixtures/topologies/nic.mjs',
        'test/tutorial/support/typedSmmu.ts',
      ];
      const sources = shown.map((file) => readFileSync(join(PROJECT, file), 'utf8'));
      for (const snippet of snippetsOf(page(name), 'text')) {
        expect(
          sources.some((source) => source.includes(snippet)),
          snippet,
        ).toBe(true);
      }
    });
  });
}

describe('a walk', () => {
  it('takes … for what is left out, and nothing else', () => {
    expect(departure(['a', '…', 'c … e'], ['a', 'b', 'b', 'c d e'])).toBeNull();
    expect(departure(['a', '…'], ['a', 'b'])).toBeNull();
    expect(departure(['a'], ['a', 'b'])).toContain('it prints: b');
    expect(departure(['a', 'c'], ['a', 'b', 'c'])).toBe('c');
    expect(departure(['…', 'd'], ['a', 'b'])).toBe('d');
    expect(departure(['1 … 3'], ['1 2 4'])).toBe('1 … 3');
  });

  it('has files, commands and what they print', () => {
    const text = '```json a.json\n{}\n```\n\n```console\n$ granule x\n1\n$ granule y\n```\n```text\nz\n```\n';
    expect(stepsOf(text)).toEqual([
      { kind: 'file', line: 1, name: 'a.json', text: '{}\n' },
      { kind: 'command', line: 6, command: 'granule x', prints: ['1'] },
      { kind: 'command', line: 8, command: 'granule y', prints: [] },
    ]);
    expect(snippetsOf(text, 'text')).toEqual(['z']);
  });
});
