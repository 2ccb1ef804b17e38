import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { GRANULE_VERSION } from '../../src/topology/meta.ts';
import { loadTraces, topologyNames } from '../../src/topology/load.node.ts';
import { loadSystem } from '../../src/topology/loadSystem.node.ts';
import { parseSize, parseTopology } from '../../src/topology/schema.ts';
import { traceFromSteps } from '../../src/trace/memoryTrace.ts';

const root = join(import.meta.dirname, '../..');
const trace = traceFromSteps([{ access: 'X', addr: 0x10000, sizeBytes: 4 }]);

function one(fields: object = {}, process: object = {}) {
  return parseTopology(
    { name: 't', ...fields, processes: [{ pid: 1, trace: 't', pageSize: '4K', ...process }] },
    'test',
  );
}

/** The code and place of what building refuses. */
function refusal(fields: object = {}, process: object = {}): { code: string; message: string; where: string } {
  try {
    buildTopology(one(fields, process), new Map([[1, trace]]));
  } catch (error) {
    if (error instanceof GranuleError) return { code: error.code, message: error.message, where: error.where };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a topology', () => {
  it('is five lines at its shortest', () => {
    const topology = one();
    expect(topology).toMatchObject({ kernelPageSize: 4096, cpus: 1, core: 'cortex-a76', memory: 2 ** 31, seed: 1 });
    expect(buildTopology(topology, new Map([[1, trace]])).actors.map((actor) => actor.id)).toEqual([
      'abi',
      'disk',
      'sched',
      'shmem',
      'zone',
      'tlb:0',
      'process:1',
      'mm:1',
      'mmu:1',
    ]);
  });

  it('takes sizes as people write them', () => {
    expect([
      parseSize('4K'),
      parseSize('2g'),
      parseSize(4096),
      parseSize('64 K'),
      parseSize('many'),
      parseSize(-1),
    ]).toEqual([4096, 2 ** 31, 4096, 65536, null, null]);
  });

  it('says the place of a field that it does not know', () => {
    expect(() =>
      parseTopology({ name: 't', processes: [{ pid: 1, trace: 't', pageSize: '4K', colour: 1 }] }, 'f.json'),
    ).toThrow(expect.objectContaining({ code: 'TOPOLOGY_INVALID', where: 'f.json: processes.0' }));
  });

  it('refuses a page size that is none', () => {
    expect(() => one({}, { pageSize: '8K' })).toThrow(expect.objectContaining({ where: 'test: processes.0.pageSize' }));
  });

  it('refuses more memory than the zone can number frames of', () => {
    expect(refusal({ memory: '8192G' })).toMatchObject({ code: 'TOPOLOGY_INVALID', where: 't: memory' });
  });

  it("refuses a process page below the kernel's, with both sizes", () => {
    const { code, message } = refusal({ kernelPageSize: '16K' }, { layout: '16K' });
    expect(code).toBe('TOPOLOGY_PAGE_SIZE');
    expect(message).toContain('4096');
    expect(message).toContain('16384');
  });

  it('refuses a core with pages it is not modelled with', () => {
    expect(refusal({ core: 'apple-m1-firestorm' }).code).toBe('TOPOLOGY_PAGE_SIZE');
  });

  it('refuses a CPU that is not there', () => {
    expect(refusal({}, { cpu: 1 })).toMatchObject({ code: 'TOPOLOGY_ACTOR_UNKNOWN', where: 't: processes.0.cpu' });
  });

  it('refuses a message to an actor that is not there, and names it', () => {
    const { code, message } = refusal({ messages: [{ to: 'gpu:0', type: 'STOP' }] });
    expect(code).toBe('TOPOLOGY_ACTOR_UNKNOWN');
    expect(message).toContain('gpu:0');
  });

  it('refuses a message that its target cannot take, and names both', () => {
    const { code, message } = refusal({ messages: [{ to: 'disk', type: 'WALK' }] });
    expect(code).toBe('TOPOLOGY_NO_TAKER');
    expect(message).toContain('WALK');
    expect(message).toContain('disk');
  });

  it('refuses a cost that does not exist', () => {
    expect(refusal({ costs: { coffee: 1 } })).toMatchObject({ where: 't: costs.coffee' });
  });

  it('refuses a child that is not there', () => {
    expect(refusal({}, { children: [9] }).code).toBe('TOPOLOGY_ACTOR_UNKNOWN');
  });

  it('has every field explained in docs/topology.md', () => {
    const text = readFileSync(join(root, 'docs/topology.md'), 'utf8');
    const topology = one();
    const missing = [...Object.keys(topology), ...Object.keys(topology.processes[0] ?? {}), 'layout', 'cpu'].filter(
      (field) => !text.includes(`\`${field}\``),
    );
    expect(missing).toEqual([]);
  });

  it('of the package can be loaded with its traces, whichever it is', async () => {
    expect(topologyNames()).toEqual(expect.arrayContaining(['mixed-page-sizes', 'plain-4k']));
    for (const name of topologyNames()) {
      const { topology, catalogue } = await loadSystem(name, { cwd: root });
      const traces = loadTraces(topology, { folders: [] });
      expect(buildTopology(topology, traces, catalogue).actors.length).toBeGreaterThan(8);
    }
  });
});

it('the version in the logs is that of the package', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect(GRANULE_VERSION).toBe(version);
});
