/** Topologies in files: JSON and YAML, names and pids left out, and files that extend each other. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import '../../support/propertySeed.ts';
import { fixturesFolder, topologyNames } from '../../../src/topology/fixtures.node.ts';
import { loadForm, settingsOf } from '../../../src/topology/form/form.node.ts';
import { nearest } from '../../../src/topology/form/suggest.ts';
import { readFormText } from '../../../src/topology/form/text.ts';
import { loadTopology } from '../../../src/topology/load.node.ts';
import { parseTopology } from '../../../src/topology/schema.ts';

let folder = '';
const write = (name: string, data: unknown): void => {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), typeof data === 'string' ? data : JSON.stringify(data));
};
const load = (name: string, ...set: string[]) => loadForm(name, { cwd: folder, set: settingsOf(set) });
const PROCESS = { trace: 'true-kernel', pageSize: '64K' };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'granule-form-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a topology in a file', () => {
  it.each(topologyNames())('is the same in YAML: %s', (name) => {
    const data: unknown = JSON.parse(readFileSync(join(fixturesFolder('topologies'), `${name}.json`), 'utf8'));
    write(`${name}.yaml`, stringify(data));
    const fromJson = JSON.stringify(parseTopology(data, name));
    expect(JSON.stringify(loadTopology(name))).toBe(fromJson);
    expect(JSON.stringify(load(`${name}.yaml`).topology)).toBe(fromJson);
  });

  it('needs no name and no pids', () => {
    write('short.yaml', 'processes:\n  - trace: true-kernel\n    pageSize: 64K\n');
    expect(load('short.yaml').topology).toMatchObject({ name: 'short', processes: [{ pid: 1, pageSize: 65536 }] });
    write('pids.json', { processes: [PROCESS, { pid: 1, ...PROCESS }, PROCESS, { pid: 3, ...PROCESS }, PROCESS] });
    expect(load('pids.json').topology.processes.map(({ pid }) => pid)).toEqual([2, 1, 4, 3, 5]);
    expect(Object.keys(load('pids.json').topology.processes[0] ?? {})[0]).toBe('pid');
  });

  it('may say which schema an editor takes, and the topology does not', () => {
    write('edited.json', { $schema: './topology.schema.json', name: 'edited', processes: [PROCESS] });
    write('plain.json', { name: 'edited', processes: [PROCESS] });
    expect(JSON.stringify(load('edited.json').topology)).toBe(JSON.stringify(load('plain.json').topology));
    expect('$schema' in load('edited.json').topology).toBe(false);
  });

  it('has the place of every key and item', () => {
    const jsonArb = fc.jsonValue({ maxDepth: 4 }).filter((data) => !JSON.stringify(data).includes('__proto__'));
    fc.assert(
      fc.property(jsonArb, (data) => {
        const text = JSON.stringify(data, null, 2);
        const lines = text.split('\n');
        const { placeOf } = readFormText(text, 'json');
        const visit = (value: unknown, path: (string | number)[]): void => {
          const { line, column } = placeOf(path);
          const rest = lines[line - 1]?.slice(column - 1) ?? '';
          const last = path.at(-1);
          const shown =
            typeof last === 'string' ? JSON.stringify(last) : (JSON.stringify(value, null, 2).split('\n')[0] ?? '');
          expect(rest.startsWith(shown), `${path.join('.')}: ${rest}`).toBe(true);
          if (typeof value !== 'object' || value === null) return;
          for (const [key, inner] of Object.entries(value))
            visit(inner, [...path, Array.isArray(value) ? Number(key) : key]);
        };
        visit(data, []);
      }),
    );
  });
});

describe('a topology that extends another', () => {
  it('by name or by path, through folders, with its parameters', () => {
    write(
      'bases/page.yaml',
      'parameters:\n  page: { default: 16K, oneOf: [16K, 64K] }\nprocesses:\n  - { trace: true-kernel, pageSize: "${page}" }\n',
    );
    write('bases/two.json', { extends: 'page.yaml', cpus: 2, processes: [{ pid: 1, cpu: 1 }] });
    write('mine.yaml', 'extends: ./bases/two.json\nparameters: { page: { default: 64K } }\n');
    const { topology, bases, folders, parameters } = load('mine.yaml');
    expect(topology).toMatchObject({ name: 'mine', cpus: 2, processes: [{ pid: 1, cpu: 1, pageSize: 65536 }] });
    expect(bases).toEqual([join(folder, 'bases/two.json'), join(folder, 'bases/page.yaml')]);
    expect(folders).toEqual([folder, join(folder, 'bases')]);
    expect(parameters).toEqual([{ name: 'page', value: '64K', isSet: false, says: '' }]);
    expect(load('mine.yaml', 'page=16K').topology.processes[0]?.pageSize).toBe(16384);
    write('named.json', { extends: 'mixed-page-sizes', processes: [{ pid: 200, $remove: true }] });
    expect(load('named.json').topology.processes).toEqual([loadTopology('mixed-page-sizes').processes[0]]);
  });

  it('and says nothing itself is its base, but for the name', () => {
    for (const name of topologyNames()) {
      write('same.yaml', `extends: ${name}\n`);
      // Modules are named as they are seen from the file that is asked for.
      const { uses: _its, ...base } = loadTopology(name);
      const { uses: _own, ...same } = load('same.yaml').topology;
      expect(same).toEqual({ ...base, name: 'same' });
    }
  });

  it('is told in which of the files a fault is', () => {
    write('bases/odd.yaml', 'cpus: 2\nprocesses:\n  - { trace: true-kernel, pageSize: 8K }\n');
    write('odd.yaml', 'extends: ./bases/odd.yaml\n\nprocesses:\n  - pid: 1\n    cpu: "one"\n');
    const where = [`${folder}/bases/odd.yaml:3:27: processes.0.pageSize`, `${folder}/odd.yaml:5:5: processes.0.cpu`];
    expect(() => load('odd.yaml')).toThrow(
      expect.objectContaining({ faults: where.map((each) => expect.objectContaining({ where: each }) as unknown) }),
    );
  });

  it('names its modules as they are seen from the file that is asked for', () => {
    write('bases/used.json', { uses: ['./smmu.mjs', 'packaged'], processes: [PROCESS] });
    write('deep/using.json', { extends: '../bases/used.json', uses: ['./own.mjs'] });
    // Which fields there are besides does not matter here.
    const uses = (): unknown => (load('deep/using.json').topology as { uses?: unknown }).uses;
    try {
      expect(uses()).toEqual(['../bases/smmu.mjs', 'packaged', './own.mjs']);
    } catch (error) {
      expect(String(error)).toContain('there is no field "uses" here');
    }
  });
});

describe('the name that was meant', () => {
  it('is the one with the fewest letters changed', () => {
    const names = ['kernelPageSize', 'pageCache', 'processes', 'cpus', 'memory'];
    const found = ['kernelpagesize', 'pagecahce', 'proceses', 'cpu', 'memry', 'hugepages', ''].map((text) =>
      nearest(text, names),
    );
    expect(found).toEqual(['kernelPageSize', 'pageCache', 'processes', 'cpus', 'memory', null, null]);
  });

  it('is found with one letter missing, doubled or swapped', () => {
    const nameArb = fc.constantFrom('kernelPageSize', 'drop-and-re-read', 'neoverse-v2', 'startCycles');
    fc.assert(
      fc.property(nameArb, fc.nat(20), fc.constantFrom('missing', 'doubled', 'swapped'), (name, where, how) => {
        const at = where % (name.length - 1);
        const [a, b] = [name.charAt(at), name.charAt(at + 1)];
        const middle = { missing: b, doubled: `${a}${a}${b}`, swapped: `${b}${a}` }[how];
        const written = `${name.slice(0, at)}${middle}${name.slice(at + 2)}`;
        expect(nearest(written, ['kernelPageSize', 'drop-and-re-read', 'neoverse-v2', 'startCycles'])).toBe(name);
      }),
    );
  });
});
