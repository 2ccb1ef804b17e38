/** `docs/mutation.md` from the results of a whole run. */
import type { DetectorName } from './detectors/verdict.ts';
import type { Mutant, MutantGroup } from './mutant.ts';
import { rowsWithoutSteps } from './mutants/rules.ts';
import type { Result } from './run.ts';
import { type Survivor, survivors } from './survivors.ts';

const GROUPS: Readonly<Record<MutantGroup, string>> = {
  rules: 'Rules of layer 1',
  answers: 'What other page sizes are told',
  maintenance: 'TLB maintenance',
  tables: 'The two page tables',
  memory: 'Memory behind the entries',
};

const DETECTORS: Readonly<Record<DetectorName, string>> = {
  'kernel answers': 'recorded sequences of calls of real kernels, as processes on 4K (docs/validation.md)',
  interfaces: 'fixed questions that real kernels answered, as processes on 4K',
  'worked out':
    "calls worked out from the kernel's functions: cases, and a second writing of the functions at every border",
  'law 7': 'checked mode: memory is conserved, tables agree, nothing dirty is lost',
  'law 8': 'checked mode: no TLB keeps what the table no longer says',
  'law of page sizes': 'checked mode: calls are judged by the page size of the memory',
  invariant: "an invariant of the model's own, or an exception",
  'end of run': 'what is left at the end: stuck processes, frames that nobody owns, runs without an end',
  contents: 'a shadow of all memory: every read finds what was written last',
  'same as kernel': 'random calls on a kernel of a page size and as a process of it on 4K',
  test: 'a test of the project, named in the table',
};

/** Characters of the first failing check that a row keeps. */
const FAILING_MOST = 110;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function short(text: string): string {
  return text.length > FAILING_MOST ? `${text.slice(0, FAILING_MOST)}...` : text;
}

function row(mutant: Mutant, { verdict }: Result): string {
  const by = verdict === null ? '**survives**' : verdict.by;
  const first = verdict === null ? (survivors[mutant.name]?.why ?? '') : `${verdict.run}: ${short(verdict.text)}`;
  return `| \`${mutant.name}\` | ${cell(mutant.removes)} | ${cell(mutant.standsFor)} | ${by} | ${cell(first)} |`;
}

function tableOf(title: string, pairs: readonly (readonly [Mutant, Result])[]): string {
  const head = '| mutant | what is gone | which stands for | noticed by | first |\n|---|---|---|---|---|';
  const found = pairs.filter(([, { verdict }]) => verdict !== null).length;
  return (
    `## ${title}\n\n${found} of ${pairs.length} are` +
    ` noticed.\n\n${head}\n${pairs.map(([mutant, result]) => row(mutant, result)).join('\n')}\n`
  );
}

function summary(pairs: readonly (readonly [Mutant, Result])[]): string {
  const lines = Object.entries(GROUPS).map(([group, title]) => {
    const some = pairs.filter(([mutant]) => mutant.group === group);
    const found = some.filter(([, { verdict }]) => verdict !== null);
    const tested = found.filter(([, { verdict }]) => verdict?.by === 'test').length;
    const left = some.filter(([, { verdict }]) => verdict === null);
    const of = (kind: Survivor['kind']): number => left.filter(([{ name }]) => survivors[name]?.kind === kind).length;
    return (
      `| ${title} | ${some.length} | ${found.length - tested} | ${tested}` +
      ` | ${of('equivalent')} | ${of('not promised')} | ${of('hole')} |`
    );
  });
  return (
    `| layer | mutants | noticed by a property or an oracle | by a test alone | equivalent` +
    ` | not promised | holes |\n|---|---|---|---|---|---|---|\n${lines.join('\n')}\n`
  );
}

function detectors(pairs: readonly (readonly [Mutant, Result])[]): string {
  const lines = Object.entries(DETECTORS).map(([name, says]) => {
    return `| ${name} | ${says} | ${pairs.filter(([, { verdict }]) => verdict?.by === name).length} |`;
  });
  return `| detector | what it is | noticed first by it |\n|---|---|---|\n${lines.join('\n')}\n`;
}

function rate(pairs: readonly (readonly [Mutant, Result])[]): string {
  const found = pairs.filter(([, { verdict }]) => verdict !== null).length;
  const same = pairs.filter(
    ([{ name }, { verdict }]) => verdict === null && survivors[name]?.kind === 'equivalent',
  ).length;
  const percent = ((100 * found) / (pairs.length - same)).toFixed(1);
  return (
    `${found} of ${pairs.length} mutants are noticed; ${same} cannot be,` +
    ` since they do what the whole does. Of the others that is ${percent} %.`
  );
}

/** The document. */
export function mutationDocument(mutants: readonly Mutant[], results: readonly Result[]): string {
  const byName = new Map(results.map((result) => [result.name, result]));
  const pairs = mutants.flatMap((mutant) => {
    const result = byName.get(mutant.name);
    return result === undefined ? [] : [[mutant, result] as const];
  });
  const left = pairs.filter(([, { verdict }]) => verdict === null);
  const sections = Object.entries(GROUPS).map(([group, title]) => {
    return tableOf(
      title,
      pairs.filter(([mutant]) => mutant.group === group),
    );
  });
  const explained = left.map(([{ name, removes }]) => {
    const { kind, why } = survivors[name] ?? { kind: 'hole' as const, why: 'not explained' };
    return `| \`${name}\` | ${cell(removes)} | ${kind} | ${cell(why)} |`;
  });
  return `# Mutation test of the model

More layers, more bugs that are hard to find (S-42): so each step of the layers is taken away in turn, and something has to
notice (S-20). A mutant is the
source with one exact edit. It runs until the first detector notices: an oracle, which real kernels answered or which was
worked out from their source, or a
property, which holds of any run. What no detector notices is put to the tests of the layer.

\`npm run mutation\` runs all and writes this document; \`-- --only NAME\` some, \`-- --json FILE\` the results as JSON, \`--
--list\` names. A test holds that every
edit still fits, once, and that a few of each kind are noticed. The rules of layer 1 are data: of every row each step goes,
asks with the kernel's page instead of the
caller's, refuses with another errno, loses its condition, and changes places with the next where that may answer otherwise.
The rows
${rowsWithoutSteps.join(', ')} have no step; brk has mutants of its own.

${rate(pairs)}

${summary(pairs)}
${detectors(pairs)}
## Survivors

| mutant | what is gone | kind | why nobody notices |
|---|---|---|---|
${explained.join('\n')}

${sections.join('\n')}`;
}
