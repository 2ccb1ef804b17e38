/** Random data that a JSON Schema accepts, and random single breakages of it. */
import fc from 'fast-check';
import type { JsonSchema } from '../../../src/topology/form/jsonSchema.ts';

/** Fields that are left out more often than not, so that what is made stays small. */
const LEFT_OUT = 3;
/** How deep the JSON of messages goes. */
const DEPTH_MAX = 2;
const NUMBERS_END = 100_000;

/** Makes data for one schema with its definitions. */
export class FromSchema {
  readonly #root: JsonSchema;
  /** Definitions that nothing is made of. */
  readonly #without: ReadonlySet<string>;

  constructor(root: JsonSchema, without: readonly string[]) {
    this.#root = root;
    this.#without = new Set(without.map((name) => `#/definitions/${name}`));
  }

  /** Data that the schema accepts. */
  of(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.of(this.#defined(schema.$ref), depth + 1);
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    if (schema.type === 'object') return this.#object(schema, depth);
    const all = schema.allOf?.[0];
    if (all !== undefined) return this.of(all, depth);
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices !== undefined) return this.#choice(choices, depth);
    if (schema.type === 'array') return this.#array(schema, depth);
    return scalar(schema);
  }

  #defined(ref: string): JsonSchema {
    const found = this.#root.definitions?.[ref.replace('#/definitions/', '')];
    if (found === undefined) throw new Error(`there is no ${ref}`);
    return found;
  }

  #choice(choices: readonly JsonSchema[], depth: number): fc.Arbitrary<unknown> {
    const flat = choices.filter(({ type }) => depth < DEPTH_MAX || (type !== 'array' && type !== 'object'));
    const usable = flat.filter(({ $ref }) => $ref === undefined || !this.#without.has($ref));
    return fc.oneof(...usable.map((choice) => this.of(choice, depth)));
  }

  #array({ items = {}, minItems = 0, uniqueItems }: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    const each = this.of(items, depth);
    const length = { minLength: minItems, maxLength: minItems + 2 };
    return uniqueItems === true ? fc.uniqueArray(each, length) : fc.array(each, length);
  }

  #object(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    const { properties = {}, additionalProperties: others, propertyNames } = schema;
    // Alternatives about what is required.
    const more = schema.anyOf?.map(({ required = [] }) => required) ?? [[]];
    const open = typeof others === 'object' && depth < DEPTH_MAX ? [this.#others(others, propertyNames, depth)] : [];
    const fields = Object.entries(properties).map(([name, field]) => {
      return { name, value: this.of(field, depth).map((made) => [[name, made] as const]) };
    });
    const nothing = { arbitrary: fc.constant([]), weight: LEFT_OUT };
    const alternatives = more.map((alsoRequired) => {
      const required = new Set([...(schema.required ?? []), ...alsoRequired]);
      const parts = fields.map(({ name, value }) =>
        required.has(name) ? value : fc.oneof(nothing, { arbitrary: value, weight: 1 }),
      );
      // What is known by name is not made over by what is not.
      return fc.tuple(...open, ...parts).map((made) => Object.fromEntries(made.flat()));
    });
    return fc.oneof(...alternatives);
  }

  #others(schema: JsonSchema, names: unknown, depth: number): fc.Arbitrary<(readonly [string, unknown])[]> {
    const { pattern, enum: choices } = (names ?? {}) as { pattern?: string; enum?: readonly string[] };
    const open = pattern === undefined ? matching(/^[a-z]{1,6}$/) : text(pattern);
    const name = choices === undefined ? open : fc.constantFrom(...choices);
    return fc.array(fc.tuple(name, this.of(schema, depth + 1)), { maxLength: 2 });
  }
}

const matchers = new Map<string, fc.Arbitrary<string>>();

/** Texts of a form; one maker each, because to make one costs more than all that it makes. */
function matching(form: RegExp): fc.Arbitrary<string> {
  const known = matchers.get(form.source) ?? fc.stringMatching(form);
  matchers.set(form.source, known);
  return known;
}

/** Numbers written as text have few digits: beyond 2^53 the schema of code refuses what a pattern cannot. */
function text(pattern: string): fc.Arbitrary<string> {
  const short = pattern.replaceAll('\\d+', '\\d{1,3}').replaceAll('[0-9a-fA-F]+', '[0-9a-fA-F]{1,8}');
  const few = short
    .replaceAll('\\s*', ' ?')
    .replaceAll('0*', '')
    .replaceAll('\\d*', '\\d{0,2}')
    .replaceAll(']*', ']{0,6}');
  return matching(new RegExp(few));
}

function scalar({ type, pattern, minimum, exclusiveMinimum, maximum, minLength }: JsonSchema): fc.Arbitrary<unknown> {
  if (type === 'boolean') return fc.boolean();
  if (type === 'null') return fc.constant(null);
  if (type === 'integer' || type === 'number') {
    const least = Number(minimum ?? Number(exclusiveMinimum ?? -1) + 1);
    return fc.integer({
      min: Math.max(least, -NUMBERS_END),
      max: Math.min(Number(maximum ?? NUMBERS_END), NUMBERS_END),
    });
  }
  if (typeof pattern === 'string') return text(pattern);
  return matching(minLength === undefined ? /^[a-z:/]{0,8}$/ : /^[a-z:/]{1,8}$/);
}

type Path = readonly (string | number)[];

/** Every place in some data, the whole included. */
export function placesIn(data: unknown, path: Path = []): Path[] {
  if (typeof data !== 'object' || data === null) return [path];
  const inner = Object.entries(data).flatMap(([name, value]) =>
    placesIn(value, [...path, Array.isArray(data) ? Number(name) : name]),
  );
  return [path, ...inner];
}

/** What takes the place of a value when data is broken. */
export const STRANGERS: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  7,
  'zebra',
  '',
  '64K',
  '8K',
  [],
  [1],
  {},
  { zebra: 1 },
];

/** A copy with one place changed: `change` gets the value there, and undefined takes it away. */
export function changedAt(data: unknown, path: Path, change: (value: unknown) => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return change(data);
  if (Array.isArray(data)) {
    return data.flatMap((item: unknown, at) => {
      if (at !== step) return [item];
      const made = changedAt(item, rest, change);
      return made === undefined ? [] : [made];
    });
  }
  const fields = { ...(data as Record<string, unknown>) };
  const made = changedAt(fields[step], rest, change);
  if (made === undefined) delete fields[step];
  else fields[step] = made;
  return fields;
}
