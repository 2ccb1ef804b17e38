import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { isDefinition } from '../../src/topology/definitions/definition.ts';
import { loadSystem } from '../../src/topology/loadSystem.node.ts';
import { importModule } from '../../src/topology/modules.node.ts';
import { GranuleError, replay, run, timeline, z } from '../../src/index.ts';
import { openTopology } from '../../src/node.ts';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));
const elsewhere = mkdtempSync(join(tmpdir(), 'granule-modules-'));

afterAll(() => rmSync(elsewhere, { recursive: true, force: true }));

describe("a user's module", () => {
  it('shares granule with whoever loads it', async () => {
    const module = await importModule(join(FIXTURES, 'clock.mjs'));
    expect(isDefinition(module['clock'], 'actor')).toBe(true);
    const granule = await import('granule');
    expect(granule.GranuleError).toBe(GranuleError);
    expect(granule.z).toBe(z);
  });

  it('is loaded, run, replayed and looked at by the topology that names it', async () => {
    const path = join(FIXTURES, 'clock.json');
    const made = run(await openTopology(path, { cwd: dirname(path) }));
    const travel = timeline(made);
    expect(replay(made).divergence).toBe(null);
    expect(travel.state('clock:wall', travel.range.lastSeq).context).toMatchObject({ hours: [7, 8] });
  });

  it('may lie outside of the repository', async () => {
    for (const name of ['clock.mjs', 'clock.json']) copyFileSync(join(FIXTURES, name), join(elsewhere, name));
    const { catalogue } = await loadSystem(join(elsewhere, 'clock.json'), { cwd: elsewhere });
    expect(catalogue.kindOf('clock:wall')).toBe('clock');
  });
});
