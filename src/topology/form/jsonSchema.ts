/**
 * The published JSON Schema of topology files, made from the schema that reads them: for editors, which complete and check as
 * one types. It is that of files: with `extends`, `parameters` and their references, and a name that the file may give.
 */
import { z } from 'zod';
import { invariant } from '../../errors.ts';
import { STEP_DESCRIPTIONS, STEP_FIELDS } from '../../trace/callDescriptions.ts';
import { topologySchema } from '../schema.ts';
import { identityOf } from './merge.ts';
import { parametersSchema } from './parameters.ts';

/** A JSON Schema, or a part of one. */
export interface JsonSchema {
  $ref?: string;
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: readonly string[];
  items?: JsonSchema;
  minItems?: number;
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  allOf?: readonly JsonSchema[];
  definitions?: Record<string, JsonSchema>;
  [keyword: string]: unknown;
}

const REFERENCE: JsonSchema = { $ref: '#/definitions/reference' };
const NULL: JsonSchema = { type: 'null' };

/** The definitions that hold whole structures; all others are values. */
const STRUCTURES: ReadonlySet<string> = new Set(['#/definitions/program', '#/definitions/anyJson']);

function mapValues(
  fields: Record<string, JsonSchema>,
  change: (value: JsonSchema, name: string) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, change(value, name)]));
}

/** What zod calls a structure that refers to itself. */
const UNNAMED = /__schema\d+/g;

/** `$ref` hides what stands beside it in draft 7, so it stands alone; and any JSON, which alone holds itself, gets a name that says so. */
function normal(schema: JsonSchema): JsonSchema {
  const same = new Set(
    Object.entries(schema.definitions ?? {}).flatMap(([name, each]) =>
      name.replace(UNNAMED, '') === '' ? [JSON.stringify(each).replaceAll(UNNAMED, 'anyJson')] : [],
    ),
  );
  invariant(same.size < 2, 'the only structure that holds itself is any JSON');
  const text = JSON.stringify(schema).replaceAll(UNNAMED, 'anyJson');
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const fields: JsonSchema = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner)]));
    if (fields.anyOf !== undefined) delete fields.allOf;
    const { $ref, ...beside } = fields;
    if (typeof $ref !== 'string' || Object.keys(beside).length === 0) return fields;
    // What was refined says all that it is.
    return 'anyOf' in beside ? beside : { ...beside, allOf: [{ $ref }] };
  };
  return visit(JSON.parse(text)) as JsonSchema;
}

/** The definition that a schema is, description aside; null where it is none. */
function refOf({ $ref, allOf }: JsonSchema): string | null {
  return $ref ?? (allOf?.length === 1 ? (allOf[0]?.$ref ?? null) : null);
}

function isOpenText({ type, enum: values, pattern }: JsonSchema): boolean {
  return type === 'string' && values === undefined && pattern === undefined;
}

/** A value with something else that may stand in its place; its description and default stay outside. */
function orElse(schema: JsonSchema, other: JsonSchema): JsonSchema {
  const { description, default: usual, ...value } = schema;
  const outside = {
    ...(description === undefined ? {} : { description }),
    ...(usual === undefined ? {} : { default: usual }),
  };
  const isChoice = value.anyOf !== undefined && Object.keys(value).length === 1;
  const branches = isChoice ? (value.anyOf ?? []) : [value.allOf?.length === 1 ? (value.allOf[0] ?? value) : value];
  return { ...outside, anyOf: [...branches, other] };
}

/** The schema with a reference to a parameter allowed wherever a value stands. */
function withReferences(schema: JsonSchema): JsonSchema {
  const ref = refOf(schema);
  if (schema.const !== undefined || (ref !== null && STRUCTURES.has(ref))) return schema;
  if (schema.oneOf !== undefined) return { ...schema, oneOf: schema.oneOf.map(withReferences) };
  const isChoiceOfObjects = schema.anyOf?.some(({ type, oneOf }) => type === 'object' || oneOf !== undefined);
  if (isChoiceOfObjects === true && schema.type === undefined) {
    return { ...schema, anyOf: (schema.anyOf ?? []).map(withReferences) };
  }
  if (schema.type === 'object') {
    const { properties, additionalProperties: others } = schema;
    return {
      ...schema,
      ...(properties === undefined ? {} : { properties: mapValues(properties, referring) }),
      ...(typeof others === 'object' ? { additionalProperties: withReferences(others) } : {}),
    };
  }
  if (schema.items !== undefined) return { ...schema, items: withReferences(schema.items) };
  return isOpenText(schema) ? schema : orElse(schema, REFERENCE);
}

/** What says which shape an object has is itself; any other field may be a reference. */
function referring(field: JsonSchema, name: string): JsonSchema {
  return name === 'op' ? field : withReferences(field);
}

/** What a file may say that extends another: any part of a topology, and null for what it takes away. */
function extending(schema: JsonSchema, path: string): JsonSchema {
  const { required: _, anyOf: __, ...fields } = schema;
  if (schema.type === 'object') {
    const { properties, additionalProperties: others } = schema;
    const inner = (value: JsonSchema, name: string): JsonSchema =>
      orElse(extending(value, path === '' ? name : `${path}.${name}`), NULL);
    return {
      ...fields,
      ...(properties === undefined ? {} : { properties: mapValues(properties, inner) }),
      ...(typeof others === 'object' ? { additionalProperties: orElse(extending(others, `${path}.*`), NULL) } : {}),
    };
  }
  if (schema.items === undefined || identityOf(path) === null) return schema;
  const { minItems: ___, ...list } = fields;
  const items = extending(schema.items, `${path}.*`);
  const $remove = { const: true, description: 'Takes the item of this name away.' };
  return { ...list, items: { ...items, properties: { ...items.properties, $remove } } };
}

function flatSteps(schema: JsonSchema): JsonSchema[] {
  return schema.oneOf === undefined ? [schema] : schema.oneOf.flatMap(flatSteps);
}

function describedField(field: JsonSchema, name: string): JsonSchema {
  const { description = STEP_FIELDS[name], items, ...rest } = field;
  const described = {
    ...(description === undefined ? {} : { description }),
    ...rest,
    ...(items === undefined ? {} : { items: describedItem(items) }),
  };
  return normal(described);
}

function describedItem(item: JsonSchema): JsonSchema {
  return item.properties === undefined ? item : { ...item, properties: mapValues(item.properties, describedField) };
}

/** The steps of a program, each with what it and its fields mean. */
function describedProgram(program: JsonSchema): JsonSchema {
  const steps = flatSteps(program.items ?? {}).map((step): JsonSchema => {
    const { op } = step.properties ?? {};
    const names = op?.enum ?? [op?.const];
    const description = names.map((name) => STEP_DESCRIPTIONS[String(name)]).join(' ');
    return { description, ...step, properties: mapValues(step.properties ?? {}, describedField) };
  });
  return { ...program, items: { oneOf: steps } };
}

/** What a file has besides the fields of its topology. */
function formFields(): Record<string, JsonSchema> {
  const { $schema: _, ...parameters } = z.toJSONSchema(parametersSchema, {
    io: 'input',
    target: 'draft-7',
  }) as JsonSchema;
  return {
    extends: {
      description: 'The topology that this one is laid over: a path relative to this file, or a name of the package.',
      type: 'string',
      minLength: 1,
    },
    parameters: {
      description: 'Names for values that "--set NAME=VALUE" may change; "${NAME}" stands where the value belongs.',
      ...parameters,
    },
  };
}

/**
 * The published schema, as JSON Schema of draft 7, which editors of JSON and YAML know best.
 *
 * @example
 * ```ts
 * topologyJsonSchema().definitions?.['topology']?.properties?.['cpus']?.description; // 'CPUs, each a `tlb:N`.'
 * ```
 */
export function topologyJsonSchema(): JsonSchema {
  const read = z.toJSONSchema(topologySchema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    // Of what is made into something else zod says no default, because it is that of the result; ours may be written so.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'default' && typeof def.defaultValue !== 'object')
        jsonSchema.default ??= def.defaultValue as never;
    },
  });
  const { $schema, definitions: found = {}, ...whole } = normal(read as JsonSchema);
  const { $schema: editor = {}, ...properties } = whole.properties ?? {};
  const plain: JsonSchema = {
    ...whole,
    properties,
    required: (whole.required ?? []).filter((name) => name !== 'name'),
  };
  const { anyJson, program = {}, ...values } = found;
  const topology = withReferences(plain);
  const { extends: base = {}, parameters = {} } = formFields();
  const own = { $schema: editor, extends: base };
  const part = extending({ ...topology, properties: { parameters, ...topology.properties } }, '');
  return {
    $schema,
    title: 'A topology of Granule',
    description: 'What machine, which kernel, which policies, and which programs run on it. See docs/topology.md.',
    if: { required: ['extends'] },
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema, in an object that nobody awaits
    then: { $ref: '#/definitions/extending' },
    else: { $ref: '#/definitions/topology' },
    definitions: {
      topology: { ...topology, properties: { ...own, parameters, ...topology.properties } },
      extending: { ...part, properties: { ...own, ...part.properties } },
      program: withReferences(describedProgram(program)),
      reference: {
        description: 'A parameter of this topology.',
        type: 'string',
        pattern: '^\\$\\{[A-Za-z][A-Za-z0-9_-]*\\}$',
      },
      ...values,
      ...(anyJson === undefined ? {} : { anyJson }),
    },
  };
}

/**
 * The published schema as the text of its file.
 *
 * @example
 * ```ts
 * topologySchemaText().startsWith('{\n "$schema"'); // true
 * ```
 */
export function topologySchemaText(): string {
  return `${JSON.stringify(topologyJsonSchema(), null, 1)}\n`;
}
