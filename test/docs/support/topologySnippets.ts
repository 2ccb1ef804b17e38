/** Blocks of JSON and YAML in documents: each is a topology, or fits somewhere in one. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { GranuleError } from '../../../src/errors.ts';
import { run } from '../../../src/library/run.ts';
import { openTopology } from '../../../src/library/openTopology.node.ts';

type Fields = Readonly<Record<string, unknown>>;

const step = { op: 'store', addr: '0x500000' };
/** Two processes that a part of a topology may speak of. */
const PROCESSES: readonly Fields[] = [
  { pid: 100, pageSize: '4K', program: [step] },
  { pid: 200, pageSize: '64K', program: [step] },
];
const SURROUNDINGS: Fields = { name: 'a snippet', cpus: 4, processes: PROCESSES };

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The second process with other fields. */
function withProcess(fields: Fields): Fields {
  const [first = {}, second = {}] = PROCESSES;
  const base = 'workload' in fields || 'trace' in fields ? { ...second, program: undefined } : second;
  return { ...SURROUNDINGS, processes: [first, { ...base, ...fields }] };
}

/** The topologies that a value could be a part of, each with the place it would have there. */
export function topologiesAround(value: unknown): { place: string; topology: unknown }[] {
  if (Array.isArray(value)) return [{ place: 'steps of a program', topology: withProcess({ program: value }) }];
  if (!isFields(value)) return [];
  if ('processes' in value || 'extends' in value) return [{ place: 'a topology', topology: value }];
  return [
    { place: 'fields of a topology', topology: { ...SURROUNDINGS, ...value } },
    { place: 'fields of a process', topology: withProcess(value) },
    { place: 'a rule of a fault plan', topology: { ...SURROUNDINGS, faultPlan: [value] } },
    { place: 'a message', topology: { ...SURROUNDINGS, messages: [value] } },
  ];
}

/** Runs what a block says, in the first place where it fits; else says for each place why it does not. Null when it runs. */
export async function problemOfTopology(language: string, text: string, folder: string): Promise<string | null> {
  let value: unknown;
  try {
    value = language === 'yaml' ? parse(text) : JSON.parse(text);
  } catch (error) {
    return `is no ${language}: ${String(error)}`;
  }
  const whole = isFields(value) && ('processes' in value || 'extends' in value);
  const refusals: string[] = [];
  for (const { place, topology } of topologiesAround(value)) {
    const name = whole ? `snippet.${language}` : 'snippet.json';
    writeFileSync(join(folder, name), whole ? text : JSON.stringify(topology));
    try {
      run(await openTopology(join(folder, name), { cwd: folder }));
      return null;
    } catch (error) {
      if (!(error instanceof GranuleError)) throw error;
      refusals.push(`as ${place}: ${error.format()}`);
    }
  }
  return refusals.length === 0 ? 'is no topology and no part of one' : refusals.join('\n');
}
