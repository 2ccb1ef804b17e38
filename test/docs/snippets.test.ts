/** Every block of code in the documents is run, or says what it is instead; test/support/fences.ts has the kinds. */
import { existsSync, readFileSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Cli } from '../../src/cli/cli.ts';
import { createProgram } from '../../src/cli/program.ts';
import { textIo } from '../../src/cli/textIo.ts';
import { PROJECT, Workplace } from '../cli/harness.ts';
import { byHandReason, type Fence, fencesIn, fileNameOf } from '../support/fences.ts';
import { projectTextFiles } from '../support/tree.ts';
import { departure, linesOf } from '../tutorial/support/walk.ts';
import { commandsIn, runCommand } from './support/commands.ts';
import { problemOfTopology } from './support/topologySnippets.ts';

const RUN = new Set(['ts', 'js', 'json', 'yaml', 'sh', 'console', 'html']);
const NOT_RUN = new Set(['text', 'mermaid']);
/** Looks as if somebody were meant to type it. */
const TYPED = /^(?:\$ |(?:npx|npm|node|git|cd|strace|curl|apt(?:-get)?) |granule [a-z])/m;

const documents = projectTextFiles().filter(({ path }) => /^(?:README|CHANGELOG|docs\/.*)\.md$/.test(path));
const program = createProgram(new Cli(textIo('/')));

/** Pages whose commands a test of their own runs, one after another. */
const WALKS = join(PROJECT, 'test/tutorial/walks.test.ts');
const walks = existsSync(WALKS) ? readFileSync(WALKS, 'utf8') : '';
const isWalked = (path: string): boolean => walks.includes(`'${path.replace('docs/', '')}'`);

/** Whether a line says how a command is called: as its help does, or, in a list of commands, with words on what it does. */
function isUsage(line: string): boolean {
  const all = program.commands.flatMap((command) => [
    { name: command.name(), command },
    ...command.commands.map((part) => ({ name: `${command.name()} ${part.name()}`, command: part })),
  ]);
  const isListed = / {2,}\S/.test(line) || /[A-Z]{2}/.test(line);
  return all.some(({ name, command }) => {
    const start = `granule ${name}`;
    return (
      line === `${start} ${command.usage()}` || (isListed && !line.includes('options') && line.startsWith(`${start} `))
    );
  });
}

/** What is wrong with the mark of a block, if anything. */
function problemOfMark(fence: Fence, path: string): string | null {
  const { language, info, text } = fence;
  if (language === '') return 'does not say what it is: ts, js, json, yaml, sh, console, html, text or mermaid';
  if (!RUN.has(language) && !NOT_RUN.has(language)) return `is of a kind that no test knows: ${language}`;
  if (path.startsWith('docs/api/') && /^(?:declaration|inside)$/.test(info)) return null;
  const isNamed = fileNameOf(fence) !== null && !['sh', 'console', 'text', 'mermaid'].includes(language);
  const isByHand = byHandReason(fence) !== null && ['sh', 'console'].includes(language);
  if (info !== '' && !isNamed && !isByHand) return `has a mark that means nothing: ${info}`;
  if (language !== 'text' || !TYPED.test(text)) return null;
  const typed = text.split('\n').filter((line) => TYPED.test(line));
  const wrong = typed.find((line) => !isUsage(line));
  return wrong === undefined ? null : `is marked as text, and one would type: ${wrong}`;
}

describe('every block of code', () => {
  it('says what it is', () => {
    const problems = documents.flatMap(({ path, text }) =>
      fencesIn(text).flatMap((fence) => {
        const problem = problemOfMark(fence, path);
        return problem === null ? [] : [`${path}:${fence.line} ${problem}`];
      }),
    );
    expect(problems).toEqual([]);
  });

  it('that is run by hand is one of few', () => {
    const all = documents.flatMap(({ text }) => fencesIn(text)).filter(({ language }) => RUN.has(language));
    const byHand = all.filter((fence) => byHandReason(fence) !== null);
    expect(byHand.length).toBeLessThan(all.length / 10);
  });
});

const toRun = (fence: Fence): boolean =>
  byHandReason(fence) === null &&
  (['json', 'yaml', 'sh', 'console'].includes(fence.language) || fileNameOf(fence) !== null);

for (const { path, text } of documents) {
  const fences = fencesIn(text).filter(toRun);
  if (fences.length === 0 || isWalked(path)) continue;
  describe(path, () => {
    let place: Workplace;
    beforeAll(() => {
      place = new Workplace();
      // As after `npm install granule`: its files are there, and modules of the reader's find it.
      mkdirSync(place.path('node_modules'));
      symlinkSync(PROJECT, place.path('node_modules/granule'));
      symlinkSync(join(PROJECT, 'fixtures'), place.path('fixtures'));
    });
    afterAll(() => place.remove());

    for (const fence of fences) {
      const name = fileNameOf(fence);
      if (name !== null) it(`line ${fence.line}: the file ${name}`, () => writeFileSync(place.path(name), fence.text));
      if (['json', 'yaml'].includes(fence.language) && name !== 'package.json') {
        it(`line ${fence.line}: the topology fits and runs`, async () => {
          expect(await problemOfTopology(fence.language, fence.text, place.folder)).toBe(null);
        }, 120_000);
      }
      if (!['sh', 'console'].includes(fence.language)) continue;
      for (const { line, command, prints } of commandsIn(fence)) {
        it(`line ${line}: ${command}`, async () => {
          const { code, text: printed } = await runCommand(place, command);
          const wrong = fence.language === 'console' ? departure(linesOf(prints), linesOf(printed)) : null;
          expect(wrong === null ? '' : `not printed: ${wrong}\nprinted:\n${printed}`).toBe('');
          // A command that fails is one of which the document shows that it does.
          const isShown = prints.some((shown) => /^[A-Z_]+: |^\S+ +BROKEN after /.test(shown));
          expect(code === 0 || isShown ? '' : `exit ${code}:\n${printed}`).toBe('');
        }, 120_000);
      }
    }
  });
}

describe('the check of blocks', () => {
  const fence = (text: string): Fence => fencesIn(text)[0] ?? { language: '', info: '', line: 0, text: '' };

  it('refuses marks that would let a block go by', () => {
    const wrong = [
      '```\na\n```',
      '```bash\nls\n```',
      '```text\n$ granule run x\n```',
      '```json inside\n{}\n```',
      '```ts declaration\n1\n```',
    ];
    expect(wrong.filter((text) => problemOfMark(fence(text), 'docs/a.md') === null)).toEqual([]);
    const right = [
      '```text\na\n```',
      '```json a.json\n{}\n```',
      '```sh by-hand: needs a network\ncurl x\n```',
      '```js\n1;\n```',
    ];
    expect(right.filter((text) => problemOfMark(fence(text), 'docs/a.md') !== null)).toEqual([]);
    expect(problemOfMark(fence('```text\ngranule run [options] [TOPOLOGY]\n```'), 'docs/a.md')).toBe(null);
    expect(problemOfMark(fence('```text\ngranule rum [options] [TOPOLOGY]\n```'), 'docs/a.md')).not.toBe(null);
  });

  it('takes commands apart', () => {
    expect(commandsIn(fence("```console\n$ granule a \\\n  'b c'\n1\n\n2\n$ d\n```"))).toEqual([
      { line: 2, command: "granule a 'b c'", prints: ['1', '', '2'] },
      { line: 7, command: 'd', prints: [] },
    ]);
    expect(commandsIn(fence('```sh\n# first\na\nb\n```')).map(({ command }) => command)).toEqual(['a', 'b']);
  });

  it('finds what does not fit in a topology', async () => {
    const place = new Workplace();
    const problem = (language: string, text: string): Promise<string | null> =>
      problemOfTopology(language, text, place.folder);
    expect(await problem('json', '{ "cpus": 2 }')).toBe(null);
    expect(await problem('yaml', 'cpus: 2\n')).toBe(null);
    expect(await problem('json', '{ "pageSize": "16K" }')).toBe(null);
    expect(await problem('json', '[{ "op": "load", "addr": "0x500000" }]')).toBe(null);
    expect(await problem('json', '{ "cpu": "many" }')).toMatch(/as fields of a topology: TOPOLOGY_INVALID/);
    expect(await problem('json', '[{ "op": "lod" }]')).toMatch(/as steps of a program/);
    expect(await problem('json', '{ "name": "x", }')).toMatch(/is no json/);
    expect(await problem('json', '7')).toMatch(/no part of one/);
    place.remove();
  });
});
