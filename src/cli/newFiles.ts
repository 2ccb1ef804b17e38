/** The files that `granule new` makes: short ones that work, to be changed. */

/** A file to be made. */
export interface NewFile {
  readonly name: string;
  readonly text: string;
}

/** Who runs the tests that are made. */
export type TestRunner = 'node' | 'vitest';

/** As one writes it by hand: a list of plain objects has one of them a line. */
function topologyText(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).map(([key, value]) => {
    if (!Array.isArray(value) || typeof value[0] === 'string') return `  ${JSON.stringify(key)}: ${spaced(value)}`;
    const items = value.map((item) => `    ${spaced(item)}`);
    return `  ${JSON.stringify(key)}: [\n${items.join(',\n')}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** A value on one line, with spaces where people put them; programs have a line for each call. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, inner]) => {
    const text = key === 'program' && Array.isArray(inner) ? programText(inner) : spaced(inner);
    return `${JSON.stringify(key)}: ${text}`;
  });
  return `{ ${pairs.join(', ')} }`;
}

function programText(calls: readonly unknown[]): string {
  return `[\n${calls.map((call) => `      ${spaced(call)}`).join(',\n')}\n    ]`;
}

const importOf = (runner: TestRunner): string =>
  runner === 'node' ? "import { test } from 'node:test';" : "import { test } from 'vitest';";

const BUFFER = '0x300000000';
const PROGRAM = [
  { op: 'mmap', addr: BUFFER, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
  { op: 'store', addr: BUFFER, lengthBytes: '64K' },
  { op: 'nanosleep', cycles: 1_000_000 },
  { op: 'load', addr: BUFFER, lengthBytes: '64K' },
];

/**
 * A topology with its test: a program of 4K pages and the same one of 64K pages, beside each other.
 *
 * @example
 * ```ts
 * newTopology('two-sizes', 'node').map(({ name }) => name); // ['two-sizes.json', 'two-sizes.test.mjs']
 * ```
 */
export function newTopology(name: string, runner: TestRunner): NewFile[] {
  const topology = topologyText({
    name,
    description: 'The same program with pages of 4K and of 64K: it fills 64 KiB, sleeps, and reads them.',
    cpus: 2,
    processes: [
      { pid: 4, pageSize: '4K', cpu: 0, program: PROGRAM },
      { pid: 64, pageSize: '64K', cpu: 1, program: PROGRAM },
    ],
  });
  const test = `import assert from 'node:assert/strict';
${importOf(runner)}
import { replay, run, timeline } from 'granule';
import { openTopology } from 'granule/node';

const made = run(await openTopology('${name}.json', { cwd: import.meta.dirname }), { checked: true });
const travel = timeline(made);
const { lastSeq } = travel.range;

test('both programs come to their end', () => {
  for (const pid of [4, 64]) assert.equal(travel.state(\`process:\${pid}\`, lastSeq).value, 'zombie');
});

test('4K pages take a fault for each 4K of the buffer, 64K pages one for all of it', () => {
  const faults = { 4: 0, 64: 0 };
  for (const { to, type, payload } of travel.events()) {
    if (type === 'FAULT' && payload.va >= ${BUFFER}) faults[to.split(':')[1]] += 1;
  }
  assert.deepEqual(faults, { 4: 16, 64: 1 });
});

test('the run again gives every event again', () => {
  assert.equal(replay(made).divergence, null);
});
`;
  return [
    { name: `${name}.json`, text: topology },
    { name: `${name}.test.mjs`, text: test },
  ];
}

/**
 * The type of the message that a new kind of actor has of its own.
 *
 * @example
 * ```ts
 * lookType('page-census'); // 'PAGE_CENSUS_LOOK'
 * ```
 */
export function lookType(name: string): string {
  return `${name.replaceAll('-', '_').toUpperCase()}_LOOK`;
}

function actorText(name: string): string {
  const look = lookType(name);
  return `import { defineActor, defineMessage, z } from 'granule';

/** The topology sends the first one; the actor sends itself the others. */
export const look = defineMessage('${look}', {
  says: 'Look at the entries of a range of addresses, and so many times again.',
  fields: z.strictObject({ startVa: z.int(), endVa: z.int(), again: z.int().min(0) }),
});

export const actor = defineActor({
  kind: '${name}',
  says: 'Counts the entries that the page table of one process has for a range of addresses.',
  messages: [look],
  // WALKED is what an mmu answers to PAGEWALK: who asks takes the answer.
  accepts: ['${look}', 'WALKED'],
  timers: ['${look}'],
  ports: { tables: { to: 'mmu', sends: ['PAGEWALK'] } },
  input: z.strictObject({ everyCycles: z.int().min(1) }),
  transition: {
    initial: ({ id, input }) => ({ id, everyCycles: input.everyCycles, asked: 0, counts: [] }),
    on: {
      ${look}: (state, { startVa, endVa, again }, send) => {
        send('tables', { type: 'PAGEWALK', sender: state.id, request: state.asked, startVa, endVa });
        if (again > 0) {
          const next = { type: '${look}', startVa, endVa, again: again - 1 };
          send('self', next, { delayCycles: state.everyCycles });
        }
        return { ...state, asked: state.asked + 1 };
      },
      WALKED: (state, { runs }) => ({ ...state, counts: [...state.counts, runs.reduce((sum, { nr }) => sum + nr, 0)] }),
    },
  },
  // Looked at after each of its events by "granule run --checked".
  laws: [
    {
      name: 'no answer without a question',
      broken: ({ asked, counts }) => (counts.length > asked ? \`\${counts.length} answers to \${asked} questions\` : null),
    },
  ],
});
`;
}

function actorTest(name: string, runner: TestRunner): string {
  return `import assert from 'node:assert/strict';
${importOf(runner)}
import { defineTopology, replay, run, timeline } from 'granule';
import { openTopology } from 'granule/node';
import { actor } from './${name}.mjs';

const made = run(await openTopology('${name}.json', { cwd: import.meta.dirname }), { checked: true });
const travel = timeline(made);

test('it sees the page come: a page of 64K has 16 entries in a table of 4K', () => {
  const { context } = travel.state('${name}:0', travel.range.lastSeq);
  assert.deepEqual(context.counts, [0, 16, 16]);
});

test('the run again gives every event again', () => {
  assert.equal(replay(made).divergence, null);
});

test('without a table to look at, it is refused before anything runs', () => {
  const processes = [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '${BUFFER}' }] }];
  const alone = defineTopology({
    name: 'alone',
    processes,
    actors: [actor.at('${name}:0', { input: { everyCycles: 1 } })],
  });
  assert.throws(() => run(alone), { code: 'TOPOLOGY_PORT' });
});
`;
}

/**
 * A kind of actor with a topology that it has a part in, and its test.
 *
 * @example
 * ```ts
 * newActor('page-census', 'node').map(({ name }) => name); // ['page-census.mjs', 'page-census.json', 'page-census.test.mjs']
 * ```
 */
export function newActor(name: string, runner: TestRunner): NewFile[] {
  const program = [
    { op: 'mmap', addr: BUFFER, lengthBytes: '1M', flags: 'PRIVATE|ANONYMOUS|FIXED' },
    { op: 'nanosleep', cycles: 500_000 },
    { op: 'store', addr: BUFFER },
    { op: 'nanosleep', cycles: 3_000_000 },
  ];
  const startVa = Number(BUFFER);
  const topology = topologyText({
    name,
    description: 'A program stores into a page of 64K while an actor of our own looks at its page table, three times.',
    uses: [`./${name}.mjs`],
    processes: [{ pid: 64, pageSize: '64K', program }],
    actors: [{ id: `${name}:0`, ports: { tables: 'mmu:64' }, input: { everyCycles: 1_000_000 } }],
    messages: [
      { to: `${name}:0`, type: lookType(name), atCycles: 100_000, startVa, endVa: startVa + 65_536, again: 2 },
    ],
  });
  return [
    { name: `${name}.mjs`, text: actorText(name) },
    { name: `${name}.json`, text: topology },
    { name: `${name}.test.mjs`, text: actorTest(name, runner) },
  ];
}
