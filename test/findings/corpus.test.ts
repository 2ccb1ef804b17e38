/**
 * Every finding of the corpus: its log is whole and replays, what it shows is found again, and the mended design survives.
 * UPDATE_FINDINGS=1 searches each topology again and writes its log and its account anew.
 *
 * @models S-08 S-09 S-12 S-36 T-07 D-01 D-02 D-03 D-04 D-06 D-11
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { accountOf, KEPT_FILES, type KeptFolder, openKept } from '../../src/explore/corpus/kept.node.ts';
import { refreshKept } from '../../src/explore/corpus/keep.node.ts';
import { searchPlain } from '../../src/explore/corpus/searching.node.ts';
import { Ways } from '../../src/explore/shrink/ways.ts';
import { verifyLog } from '../../src/log/verifyLog.ts';
import { replay } from '../../src/timeline/replay.ts';
import { PROJECT } from '../cli/harness.ts';

const CORPUS = join(PROJECT, 'fixtures/findings');
const names = readdirSync(CORPUS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test('the corpus is not empty', () => {
  expect(names.length).toBeGreaterThan(0);
});

describe.each(names)('%s', (name) => {
  const folder = join(CORPUS, name);
  let kept: KeptFolder;

  beforeAll(async () => {
    if (process.env['UPDATE_FINDINGS'] === '1') await refreshKept(folder);
    kept = await openKept(folder);
  });

  test('has all its files, and is named as its folder is', () => {
    expect(Object.values(KEPT_FILES).filter((file) => !existsSync(join(folder, file)))).toEqual([]);
    expect(kept.model.topology.name).toBe(name);
  });

  test('has a log that is whole, replays, and is its way, delivery by delivery', () => {
    const { reader, model, finding } = kept;
    expect(verifyLog(reader)).toMatchObject({ ok: true, records: finding.path.keys.length });
    expect(replay(reader, model.traces).divergence).toBe(null);
    const ways = [...reader.range(reader.firstSeq)].map(({ from, to }) => `${from}>${to}`);
    expect(ways).toEqual(finding.path.keys.map((key) => key.replace(/#\d+$/, '')));
  });

  test('breaks what is said at its last delivery, and not before', () => {
    const { model, finding } = kept;
    const way = new Ways(model.model, finding).gone(finding.path);
    expect(way?.path.keys).toEqual(finding.path.keys);
    expect(way?.verdict).toEqual({
      fault: finding.fault,
      ...(finding.circleLength === undefined ? {} : { circleLength: finding.circleLength }),
    });
  });

  test('is found again by the search that is stated, after as many states', () => {
    const { form, surroundings, finding } = kept;
    const { discovery, result } = searchPlain(form, surroundings, finding, finding.search);
    expect(discovery?.property).toBe(finding.property);
    expect([result.states, result.transitions]).toEqual([finding.found.states, finding.found.transitions]);
  });

  test('is gone with the mended design over the same budget, and its account says so', () => {
    const { form, surroundings, finding } = kept;
    const mended =
      finding.mended.length === 0 ? null : searchPlain(form, surroundings, finding, finding.search, finding.mended);
    expect(mended?.discovery ?? null).toBe(null);
    expect(readFileSync(join(folder, KEPT_FILES.account), 'utf8')).toBe(accountOf(kept, mended?.result ?? null));
  });
});
