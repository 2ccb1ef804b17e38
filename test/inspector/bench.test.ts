import { describe, expect, it } from 'vitest';
import { inspectorYardsticks, inspectedTopology } from '../../src/cli/benchInspector.ts';
import { findChromium, startBrowser } from '../../src/cli/headlessBrowser.ts';
import { loadTraces } from '../../src/topology/load.node.ts';

describe('the benchmark of the inspector', () => {
  it('measures nothing where there is no log, and says plainly what it lacks', async () => {
    expect(await inspectorYardsticks([])).toEqual([]);
    expect(() => findChromium([undefined, '/no/such/program'])).toThrow(/no Chromium/);
    await expect(startBrowser([], 'no-such-package')).rejects.toThrow(/no-such-package is not installed/);
  });

  it('makes logs that need no other file, of processes of three page sizes', () => {
    const topology = inspectedTopology(1_000_000);
    expect(topology.processes.map(({ pageSize }) => pageSize)).toEqual([4096, 65_536, 16_384, 4096]);
    const longer = loadTraces(inspectedTopology(900_000), { folders: [] }).get(1)?.references ?? 0;
    const shorter = loadTraces(inspectedTopology(500_000), { folders: [] }).get(1)?.references ?? 0;
    expect(longer).toBeGreaterThan(shorter);
  });
});
