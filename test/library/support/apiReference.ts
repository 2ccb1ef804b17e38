/** Writes docs/api from the exports of the package and from the TSDoc of what they export. */
import { namesFor } from '../../support/exampleModule.ts';
import { freeTypes, freeValues, parseText } from '../../support/syntax.ts';
import { projectTextFiles, type ProjectFile } from '../../support/tree.ts';
import { documentedAt, kindOf, shownOf } from './declarations.ts';
import { ENTRIES, type Entry, type Origin, originOf, type PublicName, publicNames } from './publicNames.ts';

const MACHINES: Entry = { module: 'granule/machines', path: 'machines/index.ts' };
/** Packages of which examples use names that users would import from there. */
const OTHER_PACKAGES = new Set(['xstate', 'rxjs']);

/** Which file each entry's reference is. */
const PAGES = new Map([
  ['granule', 'docs/api/granule.md'],
  ['granule/node', 'docs/api/node.md'],
]);

const placeOf = ({ from, name }: Pick<Origin, 'from' | 'name'>): string => `${from}#${name}`;

class Reference {
  readonly #sources: readonly ProjectFile[];
  readonly #files: ReadonlyMap<string, ProjectFile>;
  /** What users import, by where it is declared. */
  readonly #offers = new Map<string, { module: string; name: string; isType: boolean }>();
  readonly names: ReadonlyMap<string, readonly PublicName[]>;

  constructor() {
    this.#sources = projectTextFiles().filter(({ path }) => /^(?:machines|src)\/.*\.ts$/.test(path));
    this.#files = new Map(this.#sources.map((file) => [file.path, file]));
    this.names = new Map(ENTRIES.map((entry) => [entry.module, publicNames(entry, this.#files)]));
    for (const { module } of ENTRIES) {
      for (const one of this.names.get(module) ?? []) this.#offer(module, one);
    }
    for (const one of publicNames(MACHINES, this.#files)) this.#offer(MACHINES.module, one);
  }

  #offer(module: string, { name, isType, origin }: PublicName): void {
    const place = placeOf(origin);
    if (this.#offers.get(place)?.isType !== false) this.#offers.set(place, { module, name, isType });
  }

  /** The import lines that an example needs where users write it; null where it uses what they cannot import. */
  importsOf(example: string, file: ProjectFile): string | null {
    const { program } = parseText(example);
    const values = new Set(freeValues(program).map(({ name }) => name));
    const wanted = new Set([...values, ...freeTypes(program)]);
    const parts = new Map<string, string[]>();
    for (const name of [...wanted].toSorted()) {
      const found = namesFor(file, this.#sources)(name);
      if (found === null) continue;
      const isProject = this.#files.has(found.from);
      const origin = isProject ? originOf(found.from, found.imported, this.#files) : { ...found, name };
      const offer = this.#offers.get(placeOf(origin));
      if (offer === undefined && !OTHER_PACKAGES.has(found.from)) return null;
      if (offer?.isType === true && values.has(name)) return null;
      const { module, name: imported } = offer ?? { module: found.from, name: found.imported };
      parts.set(module, [...(parts.get(module) ?? []), imported === name ? name : `${imported} as ${name}`]);
    }
    const lines = Array.from(parts, ([module, names]) => `import { ${names.join(', ')} } from '${module}';`);
    return lines.map((line) => `${line}\n`).join('');
  }

  /** A text with its links turned into links to what the reference has. */
  linked(text: string): string {
    return text.replaceAll(/\{@link (\w+)\}/g, (_whole, name: string) => `\`${name}\``);
  }

  #exampleOf(example: string, file: ProjectFile): string {
    const imports = this.importsOf(example, file);
    if (imports !== null) return `\`\`\`ts\n${imports}${imports === '' ? '' : '\n'}${example}\n\`\`\``;
    return `\`\`\`ts inside\n${example}\n\`\`\``;
  }

  /** A parameter's line: its name, then what is said of it. */
  #parameterOf(text: string): string {
    const [, name = '', says = ''] = /^(\w+)(?: -)? ([\s\S]*)$/.exec(text) ?? [];
    return `\`${name}\`: ${this.linked(says.replaceAll(/\s*\n\s*/g, ' '))}`;
  }

  /** The section of one export. */
  section({ name, isType, origin }: PublicName): string {
    const { file, statements } = origin;
    if (file === null)
      return `### ${name}\n\n\`${origin.name}\` of the package \`${origin.from}\`, the very one that granule uses.`;
    const [first] = statements;
    if (first === undefined) throw new Error(`nothing declares ${name}`);
    const { says, parameters, throws, examples } = documentedAt(file, first.start);
    if (says === '') throw new Error(`${origin.from}: nothing is said of ${origin.name}`);
    // Of a function with several signatures the last is its own, and the others are what callers see.
    const seen =
      statements.length > 1
        ? statements.filter(
            ({ declaration }) => kindOf(declaration) !== 'function' || declaration.type === 'TSDeclareFunction',
          )
        : statements;
    const renamed = name === origin.name ? '' : ` In its source it is called \`${origin.name}\`.`;
    const parts = [
      `### ${name}`,
      `\`\`\`ts declaration\n${seen.map(({ declaration }) => shownOf(file, declaration, isType)).join('\n')}\n\`\`\``,
      `${this.linked(says)}${renamed}`,
      ...(parameters.length === 0 ? [] : [parameters.map((text) => `- ${this.#parameterOf(text)}`).join('\n')]),
      ...(throws === '' ? [] : [`Throws ${this.linked(throws)}`]),
      ...(isType ? [] : examples).map((example) => this.#exampleOf(example, file)),
      `*${isType ? 'type' : kindOf(first.declaration)}, [${origin.from}](../../${origin.from})*`,
    ];
    return parts.join('\n\n');
  }

  /** The page of one entry: its exports under their headings, in reading order. */
  page(entry: Entry): string {
    const names = this.names.get(entry.module) ?? [];
    const groups = [...new Set(names.map(({ group }) => group))];
    const sections = groups.map((group) => {
      const parts = names.filter((one) => one.group === group).map((one) => this.section(one));
      return [...(group === '' ? [] : [`## ${group}`]), ...parts].join('\n\n');
    });
    return `# ${entry.module}\n\n${NOTE}\n\n${sections.join('\n\n')}\n`;
  }

  /** The list of all exports. */
  index(): string {
    const lists = ENTRIES.map((entry) => {
      const names = this.names.get(entry.module) ?? [];
      const page = (PAGES.get(entry.module) ?? '').replace('docs/api/', '');
      const anchors = anchorsOf(names.map(({ name }) => name));
      const groups = [...new Set(names.map(({ group }) => group))].map((group) => {
        const links = names.flatMap((one, index) =>
          one.group === group ? [`[\`${one.name}\`](${page}#${anchors[index]})`] : [],
        );
        return `- ${group === '' ? '' : `${group}: `}${links.join(', ')}`;
      });
      return `## [${entry.module}](${page})\n\n${groups.join('\n')}`;
    });
    return `# Reference\n\n${NOTE}\n\n${INTRODUCTION}\n\n${lists.join('\n\n')}\n`;
  }
}

const NOTE = [
  '<!-- Written by `npm run api` from src/index.ts, src/node.ts and the TSDoc of what they export; a test holds it against',
  'them. -->',
].join(' ');

const INTRODUCTION = [
  'Every name that the package exports, in the order in which one would read it. What a change of it means for the version is in',
  '[versions.md](../versions.md); [compose.md](../compose.md) shows how the parts go together.',
  '',
  'Blocks of code under a declaration are programs: tests run them, and hold the value that a comment names against what',
  'comes out. One that is marked `inside` uses more than the package exports, and runs beside the source.',
  '',
  'The statecharts themselves, which `granule/machines` exports, are in [actors.md](../actors.md).',
].join('\n');

/** The anchors that headings get, in order: those that differ only in capitals are numbered. */
export function anchorsOf(headings: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return headings.map((heading) => {
    const slug = heading.toLowerCase();
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** The pages of the reference, by path. */
export function referencePages(): Map<string, string> {
  const reference = new Reference();
  const pages = ENTRIES.map((entry): [string, string] => [PAGES.get(entry.module) ?? '', reference.page(entry)]);
  return new Map([['docs/api/README.md', reference.index()], ...pages]);
}
