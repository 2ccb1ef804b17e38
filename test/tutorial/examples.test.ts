/**
 * The examples that the tutorial names: short, true to their descriptions, and without a broken law.
 *
 * @models S-02 S-16 S-29 S-36 S-48 T-10 D-05 D-07 D-10 D-20
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { replay, run } from '../../src/index.ts';
import { openTopology } from '../../src/node.ts';
import { fixture, PROJECT } from '../cli/harness.ts';

const NAMES = ['smmu-native-table', 'driver-shares-page', 'ksm-daemon', 'database-64k-beside-shells'];
const FILES = [...NAMES.map((name) => `${name}.json`), 'smmu.mjs', 'nic.mjs', 'driver-shares-page.mjs'];

/** A checked run of an example, with some fields changed. */
async function played(
  name: string,
  change?: (fields: Record<string, unknown>) => object,
): Promise<ReturnType<typeof run>> {
  const ready = await openTopology(name, { cwd: PROJECT });
  const topology = change === undefined ? ready.topology : { ...ready.topology, ...change({ ...ready.topology }) };
  return run({ ...ready, topology }, { checked: true });
}

type Made = Awaited<ReturnType<typeof played>>;

function contextOf(made: Made, id: string): Readonly<Record<string, unknown>> {
  return { ...(made.system.snapshot(id).context as object) };
}

describe('an example', () => {
  it.each(FILES)('has fewer than 80 lines: %s', (file) => {
    const path = fixture(`topologies/${file}`);
    expect(existsSync(path)).toBe(true);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n').length).toBeLessThan(80);
  });

  it.each(NAMES)('is named on the first page of the tutorial: %s', (name) => {
    expect(readFileSync(`${PROJECT}/docs/tutorial.md`, 'utf8')).toContain(`\`${name}\``);
  });

  it.each(NAMES)('breaks no law, ends, and replays: %s', async (name) => {
    const made = await played(name);
    const { topology } = await openTopology(name, { cwd: PROJECT });
    const ends = topology.processes.map(({ pid }) => made.system.snapshot(`process:${pid}`).value);
    expect(new Set(ends)).toEqual(new Set(['zombie']));
    const replayed = replay(made);
    expect([replayed.divergence, replayed.failure]).toEqual([null, null]);
    expect(replayed.headHash).toBe(made.log.headHash);
  });
});

describe('driver-shares-page', () => {
  it('gives a 64K process the ring of its driver in one entry, and nothing else', async () => {
    const made = await played('driver-shares-page');
    expect(contextOf(made, 'ring-device:large')).toMatchObject({ granuleBytes: 65536, reached: 16, foreign: [] });
    expect(contextOf(made, 'ring-device:small')).toMatchObject({ granuleBytes: 4096, reached: 1, foreign: [] });
  });

  it('breaks the law of its actor where the driver rounds up without owning the rest', async () => {
    const leaks = played('driver-shares-page', ({ drivers }) => ({
      drivers: (drivers as object[]).map((driver) => ({ ...driver, small: 'leak' })),
    }));
    await expect(leaks).rejects.toThrow(/reaches the memory of its driver alone.*it reaches memory of mmu:/);
  });
});

describe('ksm-daemon', () => {
  it('merges pages of each process, and costs no native table', async () => {
    const made = await played('ksm-daemon');
    const ksmd = contextOf(made, 'ksmd');
    expect(ksmd['merges']).toBeGreaterThan(0);
    expect(ksmd).toMatchObject({ torn: 0, fallbacks: 0 });
    const fallbacks = [100, 200, 300].map((pid) => contextOf(made, `mm:${pid}`)['fallbacks']);
    expect(fallbacks).toEqual([0, 0, 0]);
  });

  it('gives native tables up where ksmd counts in pages of the kernel', async () => {
    const made = await played('ksm-daemon', ({ ksm }) => ({ ksm: { ...(ksm as object), unit: 'kernel-page' } }));
    const fallbacks = [100, 200].map((pid) => Number(contextOf(made, `mm:${pid}`)['fallbacks']));
    expect(Math.max(...fallbacks)).toBeGreaterThan(0);
  });
});

describe('database-64k-beside-shells', () => {
  it('drops cached pages for the database, and has the shells read them again', async () => {
    const made = await played('database-64k-beside-shells');
    expect(contextOf(made, 'mm:200')['droppedPages']).toBeGreaterThan(0);
    const shells = [301, 302, 303].map((pid) => contextOf(made, `mm:${pid}`));
    expect(shells.map(({ droppedPages }) => droppedPages)).toEqual([0, 0, 0]);
    expect(shells.every(({ rereadPages }) => Number(rereadPages) > 0)).toBe(true);
    expect(contextOf(made, 'mm:200')['fallbacks']).toBe(0);
  });
});
