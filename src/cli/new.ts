/** `granule new`: files to begin with, for a topology or for an actor of one's own. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { machines, vocabulary } from '../../machines/index.ts';
import { GranuleError } from '../errors.ts';
import { writingTo } from '../sweep/wholeFile.node.ts';
import { fixturesFolder } from '../topology/load.node.ts';
import type { Cli } from './cli.ts';
import { lookType, newActor, type NewFile, newTopology, type TestRunner } from './newFiles.ts';

type What = 'topology' | 'actor';

interface NewOptions {
  readonly dir: string;
  readonly test: TestRunner;
  readonly json?: boolean;
}

/** What the kind of an actor is held to; files of that name suit every file system. */
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const NAME_CHARACTERS = 60;

const EXAMPLES = `
Examples:
  granule new topology two-sizes
  granule new actor page-census
  granule new actor page-census --dir studies --test vitest

Nothing is replaced: where one of the files is there, none is made.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addNew(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addNew(program: Command, cli: Cli): void {
  program
    .command('new')
    .description('make a topology, or an actor of your own with one, and a test that passes')
    .addArgument(new Argument('<WHAT>', 'what to make').choices(['topology', 'actor']))
    .argument('<NAME>', 'of the files, and the kind of an actor: small letters and dashes')
    .option('--dir <DIR>', 'folder to make them in', '.')
    .addOption(new Option('--test <RUNNER>', 'who runs the test').choices(['node', 'vitest']).default('node'))
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((what: What, name: string, options: NewOptions) => make(cli, what, name, options));
}

function checkName(what: What, name: string): void {
  const where = `granule new ${what}`;
  if (!NAME.test(name) || name.length > NAME_CHARACTERS) {
    const next = `Write it as page-census, in at most ${NAME_CHARACTERS} characters.`;
    throw new GranuleError('USAGE', `"${name}" is no name of small letters, digits and single dashes`, where, next);
  }
  if (what === 'topology') return;
  const isKind = name in machines || name === 'outside' || name === 'self';
  if (isKind || lookType(name) in vocabulary) {
    const next = 'Take another name; docs/replace.md tells how to put a kind of your own in the place of one of these.';
    throw new GranuleError('USAGE', `granule has a kind "${name}" itself`, where, next);
  }
}

/** All of them or none: what is there is left as it is, and what was made before something failed is taken away. */
function writeNew(folder: string, files: readonly NewFile[]): void {
  const paths = files.map(({ name }) => join(folder, name));
  const there = paths.find((path) => existsSync(path));
  if (there !== undefined) throw new GranuleError('FILE_EXISTS', 'a file is there already', there);
  writingTo(folder, () => mkdirSync(folder, { recursive: true }));
  const made: string[] = [];
  try {
    for (const [at, path] of paths.entries()) {
      writingTo(path, () => writeFileSync(path, files[at]?.text ?? '', { flag: 'wx' }));
      made.push(path);
    }
  } catch (error) {
    for (const path of made) rmSync(path, { force: true });
    throw error;
  }
}

/** Whether modules in a folder can import granule by its name. */
function findsGranule(folder: string): boolean {
  try {
    createRequire(join(folder, 'index.js')).resolve('granule/package.json');
    return true;
  } catch {
    return false;
  }
}

function make(cli: Cli, what: What, name: string, { dir, test, json = false }: NewOptions): void {
  checkName(what, name);
  const folder = resolve(cli.path(dir));
  const files = what === 'topology' ? newTopology(name, test) : newActor(name, test);
  writeNew(folder, files);
  const inFolder = (file: string): string => (dir === '.' ? file : join(dir, file));
  const made = files.map((file) => inFolder(file.name));
  const topology = inFolder(`${name}.json`);
  const runner = test === 'node' ? 'node --test' : 'npx vitest run';
  const next = [
    // Where it comes from is where this one is.
    ...(findsGranule(folder) ? [] : [`npm install ${dirname(dirname(fixturesFolder('topologies')))}`]),
    `granule run ${topology}`,
    `granule graph ${topology} --out ${inFolder(`${name}.svg`)}`,
    `${runner} ${inFolder(`${name}.test.mjs`)}`,
  ];
  if (json) {
    cli.json({ made, next });
    return;
  }
  cli.out.write(`made ${made.join(', ')}\n\ntry next:\n${next.map((line) => `  ${line}\n`).join('')}`);
}
