/** Which parts of granule model which objection: gathered from `@models` in sources and tests, and `models` in topologies. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Objection {
  id: string;
  concern: string;
  /** Why nothing models it, where nothing does. */
  notModelled?: string;
}

export interface Coverage {
  objection: Objection;
  actors: string[];
  rules: string[];
  topologies: string[];
  tests: string[];
}

const TAG = /^ \* @models ((?:[A-Z]-\d\d ?)+)$/gm;

function filesUnder(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(suffix))
    .map((path) => join(folder, path))
    .sort();
}

/** The ids that a file names in its header comment. */
export function idsIn(text: string): string[] {
  return [...text.matchAll(TAG)].flatMap(([, ids = '']) => ids.trim().split(' '));
}

export function objections(): Objection[] {
  return JSON.parse(readFileSync(join(ROOT, 'fixtures/objections.json'), 'utf8')) as Objection[];
}

/** Every file that names an objection, with the ids. */
export function tagged(): { path: string; ids: string[] }[] {
  const code = ['machines', 'src', 'test'].flatMap((folder) => filesUnder(folder, '.ts'));
  const found = code.map((path) => ({ path, ids: idsIn(readFileSync(join(ROOT, path), 'utf8')) }));
  const topologies = filesUnder('fixtures/topologies', '.json').map((path) => {
    const { models = [] } = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { models?: string[] };
    return { path, ids: models };
  });
  return [...found, ...topologies].filter(({ ids }) => ids.length > 0);
}

export function coverage(): Coverage[] {
  const files = tagged();
  return objections().map((objection) => {
    const paths = files.filter(({ ids }) => ids.includes(objection.id)).map(({ path }) => path);
    const under = (folder: string): string[] => paths.filter((path) => path.startsWith(`${folder}/`));
    return {
      objection,
      actors: under('machines'),
      rules: under('src'),
      topologies: under('fixtures').map((path) => relative('fixtures/topologies', path).replace('.json', '')),
      tests: under('test'),
    };
  });
}

function cell(paths: readonly string[]): string {
  return paths.length === 0 ? '' : paths.map((path) => `\`${path}\``).join('<br>');
}

export function coverageTable(): string {
  const rows = coverage().map(({ objection, actors, rules, topologies, tests }) => {
    const { id, concern, notModelled } = objection;
    if (notModelled !== undefined) return `| ${id} | ${concern} | not modelled: ${notModelled} | | |`;
    return `| ${id} | ${concern} | ${cell([...actors, ...rules])} | ${cell(topologies)} | ${cell(tests)} |`;
  });
  return ['| id | concern | actors and rules | topologies | tests |', '|---|---|---|---|---|', ...rows].join('\n');
}
