/** docs/topology.schema.json and the tables of docs/topology.md are made from the schema that reads topologies. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatSize } from '../../../src/arch/granule.ts';
import { type JsonSchema, topologyJsonSchema, topologySchemaText } from '../../../src/topology/form/jsonSchema.ts';

const schemaPath = new URL('../../../docs/topology.schema.json', import.meta.url);
const documentPath = new URL('../../../docs/topology.md', import.meta.url);
const writes = process.env['UPDATE_DOCS'] === '1';

const topology = topologyJsonSchema().definitions?.['topology'] ?? {};
const { processes, ...others } = topology.properties ?? {};
const processSchema = processes?.items ?? {};

/** What a file gives where the topology does not. */
const OF_THE_FILE: Readonly<Record<string, string>> = { name: "the file's", pid: 'the next' };

function isSize({ anyOf = [] }: JsonSchema): boolean {
  return anyOf.some(({ $ref }) => $ref === '#/definitions/size' || $ref === '#/definitions/pageSize');
}

function defaultOf(name: string, field: JsonSchema, required: readonly string[]): string {
  const { default: usual } = field;
  if (required.includes(name)) return 'required';
  if (usual === undefined) return OF_THE_FILE[name] ?? 'none';
  if (Array.isArray(usual) || usual === null) return 'none';
  if (typeof usual === 'object') return 'see below';
  if (typeof usual === 'number') return isSize(field) ? `\`${formatSize(usual)}\`` : usual.toLocaleString('en-US');
  return typeof usual === 'string' && usual !== '' ? `\`${usual}\`` : usual === '' ? 'empty' : JSON.stringify(usual);
}

/** The values that a field is chosen from, where they are words. */
function choices({ anyOf = [] }: JsonSchema): string {
  const words = anyOf.flatMap((each) => each.enum ?? []);
  return words.length === 0 ? '' : ` One of ${words.map((word) => `\`${String(word)}\``).join(', ')}.`;
}

function rowOf(name: string, field: JsonSchema, required: readonly string[]): string {
  const text = `${field.description ?? ''}${choices(field)}`;
  const linked = text.replaceAll(/\bdocs\/([a-z-]+\.md)/g, '[$1]($1)').replaceAll('|', '\\|');
  return `| \`${name}\` | ${defaultOf(name, field, required)} | ${linked} |`;
}

function table(rows: readonly string[]): string {
  return ['| field | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** The fields within a field, by their paths. */
function inner(schema: JsonSchema, path: string): string[] {
  const { properties = {}, additionalProperties: rest, required = [], items } = schema;
  const fields = Object.entries(properties).flatMap(([name, field]) => {
    const at = `${path}.${name}`;
    const row = rowOf(at, { ...field }, required.includes(name) ? [at] : []);
    return [row, ...inner(field, at)];
  });
  const isTyped = typeof rest === 'object' && rest.$ref === undefined;
  return [
    ...fields,
    ...(isTyped ? inner(rest, `${path}.*`) : []),
    ...(items === undefined ? [] : inner(items, `${path}.*`)),
  ];
}

function rowsOf(schema: JsonSchema, leftOut: readonly string[] = []): string[] {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !leftOut.includes(name));
  return fields.map(([name, field]) => rowOf(name, field, schema.required ?? []));
}

const sections: [name: string, text: string][] = [
  ['fields', table(rowsOf(topology))],
  ['process', table(rowsOf(processSchema))],
  ['inner', table(Object.entries(others).flatMap(([name, field]) => inner(field, name)))],
];

describe('the documents of topologies', () => {
  it('docs/topology.schema.json is the schema (UPDATE_DOCS=1 writes it anew)', () => {
    if (writes) writeFileSync(schemaPath, topologySchemaText());
    expect(readFileSync(schemaPath, 'utf8')).toBe(topologySchemaText());
  });

  it.each(sections)('docs/topology.md has the table of %s as it is (UPDATE_DOCS=1 writes it anew)', (name, rows) => {
    const section = `<!-- ${name} -->\n${rows}\n<!-- end ${name} -->`;
    const place = new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- end ${name} -->`);
    let text = readFileSync(documentPath, 'utf8');
    expect(text).toMatch(place);
    if (writes) {
      text = text.replace(place, () => section);
      writeFileSync(documentPath, text);
    }
    expect(text).toContain(section);
  });

  it('the package has the schema under a name of its own', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      exports: Record<string, unknown>;
      files: string[];
    };
    expect(manifest.exports['./topology.schema.json']).toBe('./docs/topology.schema.json');
    expect(manifest.files).toContain('docs');
  });
});
