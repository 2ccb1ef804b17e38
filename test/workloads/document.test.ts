/** docs/workloads.md is held to the registry of patterns: its table is generated. */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Pattern, TOUCH_BYTES } from '../../src/trace/workloads/pattern.ts';
import { patternNames, patternOf } from '../../src/trace/workloads/registry.ts';
import { loadTopology, loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { workloadSchema } from '../../src/trace/workloads/workloadSchema.ts';

const PATH = new URL('../../docs/workloads.md', import.meta.url);
const TABLE = /<!-- patterns -->[\s\S]*?<!-- end -->/;

/** Bytes as a person writes them, where the name of an operand says that it is bytes. */
function valueText(name: string, value: unknown): string {
  if (typeof value === 'number' && name.endsWith('Bytes')) {
    for (const [unit, bytes] of Object.entries({ M: 2 ** 20, K: 2 ** 10 })) {
      if (value >= bytes && value % bytes === 0) return `${value / bytes}${unit}`;
    }
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function operandText(name: string, schema: z.ZodType): string {
  const isOptional = schema instanceof z.ZodDefault;
  let inner = schema;
  let says = inner.description;
  while (inner instanceof z.ZodDefault) {
    inner = inner.def.innerType as z.ZodType;
    says ??= inner.description;
  }
  const choices = inner instanceof z.ZodEnum ? `: \`${inner.options.join('`, `')}\`` : '';
  const usual = isOptional ? ` (${valueText(name, schema.def.defaultValue)})` : '';
  return `\`${name}\` ${says ?? ''}${choices}${usual}`;
}

function row({ name, says, operands, source }: Pattern): string {
  const shape = Object.entries<z.ZodType>(operands.shape);
  const given = shape.map(([operand, schema]) => operandText(operand, schema));
  return `| \`${name}\` | ${says} | ${given.join('<br>')} | ${source} |`;
}

function table(): string {
  const head = ['| pattern | what it does | operands (what is taken unless given) | after |', '|---|---|---|---|'];
  const rows = patternNames.map((name) => row(patternOf(name)));
  return ['<!-- patterns -->', ...head, ...rows, '<!-- end -->'].join('\n');
}

describe('docs/workloads.md', () => {
  it('has a row for each pattern with its operands (UPDATE_DOCS=1 writes them anew)', () => {
    let text = readFileSync(PATH, 'utf8');
    expect(text).toMatch(TABLE);
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(TABLE, () => table());
      writeFileSync(PATH, text);
    }
    expect(text).toContain(table());
  });

  it('says something of every operand', () => {
    for (const name of patternNames) {
      for (const [operand, schema] of Object.entries(patternOf(name).operands.shape)) {
        expect(operandText(operand, schema).length, `${name}.${operand}`).toBeGreaterThan(operand.length + 6);
      }
    }
    expect(TOUCH_BYTES).toBe(4096);
  });

  it('has workloads in its examples that are some', () => {
    const text = readFileSync(PATH, 'utf8');
    const examples = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = '']) => JSON.parse(json) as object);
    const workloads = examples.flatMap((example) => ('workload' in example ? [example.workload] : []));
    expect(workloads.length).toBeGreaterThanOrEqual(3);
    for (const workload of workloads) expect(() => workloadSchema.parse(workload)).not.toThrow();
  });
});

describe('the topologies of workloads', () => {
  it.each(['fork-server', 'mixed-jvms'])('%s runs in the checked mode, and every process ends', (name) => {
    const topology = loadTopology(name);
    const { system } = runTopology({
      topology,
      traces: loadTraces(topology, { folders: [] }),
      writer: null,
      checked: true,
    });
    for (const { pid } of topology.processes) expect(system.snapshot(`process:${pid}`).value).toBe('zombie');
    expect(new Set(topology.processes.map(({ pageSize }) => pageSize))).toEqual(new Set([4096, 65536]));
  });

  it('fork-server copies sixteen times as much with 64K pages, in fewer faults', () => {
    const topology = loadTopology('fork-server');
    const copied = new Map<string, number>();
    runTopology({
      topology,
      traces: loadTraces(topology, { folders: [] }),
      writer: null,
      onRecord: ({ type, from, payload }) => {
        if (type === 'COPY_ON_WRITE') copied.set(from, (copied.get(from) ?? 0) + (payload as { nr: number }).nr);
      },
    });
    const [small, large] = ['mm:101', 'mm:201'].map((mm) => copied.get(mm) ?? 0);
    // 103 of 2048 pages are written to, and in 128 of 16 pages some are.
    expect(small).toBe(103);
    expect(large % 16).toBe(0);
    expect(large / small).toBeGreaterThan(8);
  });
});
