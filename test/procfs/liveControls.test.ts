/**
 * A setting of transparent huge pages that was written is what procfs and sysfs show from then on.
 *
 * @models S-23 S-24
 */
import { expect, test } from 'vitest';
import { loadTraces } from '../../src/topology/load.node.ts';
import { runTopology } from '../../src/topology/run.ts';
import { parseTopology } from '../../src/topology/schema.ts';

test('a file of transparent_hugepage shows what was written to it, to a reader of each page size', () => {
  const path = '/sys/kernel/mm/transparent_hugepage/enabled';
  const read = { op: 'read_proc', path };
  const program = [read, { op: 'write_control', path, text: 'always' }, read];
  const topology = parseTopology(
    { name: 'live', thp: {}, procfs: {}, processes: [{ pid: 1, pageSize: '64K', program }] },
    'test',
  );
  const texts: string[] = [];
  runTopology({
    topology,
    traces: loadTraces(topology, { folders: [] }),
    writer: null,
    checked: true,
    onRecord: ({ type, payload }) => {
      if (type === 'PROC_DATA') texts.push(String.fromCharCode(...(payload as { data: number[] }).data));
    },
  });
  expect(texts).toEqual(['always [madvise] never\n', '[always] madvise never\n']);
});
