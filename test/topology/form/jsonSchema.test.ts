/** The published JSON Schema and the schema that reads topologies accept the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../support/propertySeed.ts';
import { STEP_DESCRIPTIONS, STEP_FIELDS } from '../../../src/trace/callDescriptions.ts';
import { fixturesFolder, topologyNames } from '../../../src/topology/fixtures.node.ts';
import { type JsonSchema, topologyJsonSchema } from '../../../src/topology/form/jsonSchema.ts';
import { topologyFaults } from '../../../src/topology/schema.ts';
import { changedAt, FromSchema, placesIn, STRANGERS } from './fromSchema.ts';

const published = topologyJsonSchema();
// A union of types is how a value may be text or number; the rest of the strict mode stays.
const validate = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, strictTypes: false }).compile(
  published,
);
const topologySchema = published.definitions?.['topology'] ?? {};

/** What the schema of code refuses and JSON Schema cannot say: the words with which it does. */
const BEYOND_JSON_SCHEMA: readonly RegExp[] = [
  // A relation between two fields.
  /^one step is \d+ accesses at most/,
];

/** Whether the schema of code accepts it, exceptions aside; a file gives the name that it leaves out. */
function isAccepted(data: unknown): boolean {
  const named = typeof data === 'object' && data !== null && !Array.isArray(data) ? { name: 'file', ...data } : data;
  return topologyFaults(named).length === 0;
}

function isException(data: unknown): boolean {
  const faults = topologyFaults({ name: 'file', ...(data as object) });
  return faults.length > 0 && faults.every(({ what }) => BEYOND_JSON_SCHEMA.some((words) => words.test(what)));
}

/** Fields of files alone; and those whose operands are held to more than JSON Schema says, in the tests of each. */
const NOT_MADE: readonly string[] = ['extends', 'parameters', 'faultPlan'];
const NOT_MADE_OF_PROCESSES: readonly string[] = ['workload', 'start', 'stop', 'pause', 'resume', 'pin'];

function without(fields: JsonSchema['properties'] = {}, names: readonly string[]): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

const generated = new FromSchema(published, ['reference']);
const made = without(topologySchema.properties, NOT_MADE);
const { processes = {} } = made;
const { items: process = {} } = processes;
const runs = process.anyOf?.filter(({ required = [] }) => !required.includes('workload')) ?? [];
const properties = without(process.properties, NOT_MADE_OF_PROCESSES);
const validArb = generated.of({
  ...topologySchema,
  properties: { ...made, processes: { ...processes, items: { ...process, properties, anyOf: runs } } },
}) as fc.Arbitrary<Record<string, unknown>>;

/** Names of fields without a description, with the way to them. */
function undescribed(schema: unknown, path: string): string[] {
  if (Array.isArray(schema)) return schema.flatMap((each, at) => undescribed(each, `${path}/${at}`));
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, properties = {} } = schema as JsonSchema;
  const here = Object.entries(type === 'object' ? properties : {});
  const missing = here.flatMap(([name, field]) => ((field.description ?? '').length > 3 ? [] : [`${path}.${name}`]));
  return [...missing, ...Object.entries(schema).flatMap(([name, inner]) => undescribed(inner, `${path}/${name}`))];
}

describe('the published schema', () => {
  it('describes every field', () => {
    expect(undescribed(published, '')).toEqual([]);
  });

  it('describes the steps of programs that there are, and no others', () => {
    const steps = published.definitions?.['program']?.items?.oneOf ?? [];
    const ops = steps.flatMap(({ properties }) => properties?.['op']?.enum ?? [properties?.['op']?.const]);
    expect(Object.keys(STEP_DESCRIPTIONS).sort()).toEqual(ops.map(String).sort());
    const fields = new Set(steps.flatMap(({ properties }) => Object.keys(properties ?? {})));
    expect(Object.keys(STEP_FIELDS).filter((name) => !fields.has(name))).toEqual([]);
  });

  it.each(topologyNames())('accepts the topology %s of the package', (name) => {
    const file = join(fixturesFolder('topologies'), `${name}.json`);
    const data: unknown = JSON.parse(readFileSync(file, 'utf8'));
    expect(validate(data), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true);
  });

  it('accepts a parameter wherever a value stands', () => {
    const processes = [{ trace: 'true-kernel', pageSize: '${page}', cpu: '${cpu}' }];
    const parameters = { page: { default: '64K', oneOf: ['16K', '64K'] }, cpu: { default: 0, says: 'where' } };
    expect(validate({ parameters, kernelPageSize: '${page}', processes, limits: { events: '${cpu}' } })).toBe(true);
    expect(validate({ parameters: { page: { usual: 1 } }, processes })).toBe(false);
    expect(validate({ processes: [{ trace: 'true-kernel', pageSize: '$page' }] })).toBe(false);
  });

  it('asks of a file that extends another for no field, and lets it take fields away', () => {
    expect(validate({ extends: 'plain-4k' })).toBe(true);
    expect(validate({ cpus: 2 })).toBe(false);
    const processes = [{ pid: 100, cpu: null }, { pid: 200, $remove: true }, { trace: 'true-kernel' }];
    expect(validate({ extends: './base.yaml', design: { kpti: null, thp: null }, seed: null, processes })).toBe(true);
    expect(validate({ extends: './base.yaml', processes: [{ pid: 'first' }] })).toBe(false);
    expect(validate({ extends: './base.yaml', colour: 1 })).toBe(false);
  });
});

describe('the published schema and the one that reads', () => {
  it('accept the same made topologies', () => {
    fc.assert(
      fc.property(validArb, (data) => {
        expect(validate(data), JSON.stringify(validate.errors)).toBe(true);
        if (!isException(data)) expect(topologyFaults({ name: 'file', ...data })).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('agree on topologies that were broken in one place', () => {
    const verdicts = { accepted: 0, refused: 0 };
    const changeArb = fc.oneof(
      fc.constantFrom(...STRANGERS).map((stranger) => () => stranger),
      fc.constant(() => undefined),
      fc.constant((value: unknown) =>
        typeof value === 'object' && !Array.isArray(value) ? { ...value, zebra: 1 } : 'zebra',
      ),
      fc.constant((value: unknown) => (typeof value === 'string' ? `${value}x` : -1)),
    );
    fc.assert(
      fc.property(validArb, fc.nat(), changeArb, (data, where, change) => {
        const places = placesIn(data).slice(1);
        const place = places[where % Math.max(1, places.length)];
        if (place === undefined) return;
        const broken = changedAt(data, place, change);
        const isValid = validate(broken);
        verdicts[isValid ? 'accepted' : 'refused']++;
        if (isException(broken)) return;
        const seen = JSON.stringify([
          topologyFaults({ name: 'file', ...(broken as object) }),
          validate.errors?.slice(0, 3),
        ]);
        expect(isAccepted(broken), `${JSON.stringify(place)} ${seen}`).toBe(isValid);
      }),
      { numRuns: 1500 },
    );
    expect(Math.min(verdicts.accepted, verdicts.refused)).toBeGreaterThan(200);
  });
});
