/** One version, wherever it is said. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LOG_FORMAT_VERSION, OLDEST_FORMAT_VERSION } from '../../src/log/frames.ts';
import { GTR_VERSION } from '../../src/trace/gtrFormat.ts';
import { codeFingerprint, GRANULE_VERSION } from '../../src/topology/meta.ts';
import { projectFile, projectPaths } from '../support/tree.ts';

const VERSIONED = z.object({
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  peerDependencies: z.record(z.string(), z.string()).optional(),
});

function manifest(path: string): z.infer<typeof VERSIONED> {
  return VERSIONED.parse(JSON.parse(projectFile(path).text));
}

const { version } = manifest('package.json');

/** The parts of the changelog, newest first. */
interface Entry {
  version: string;
  text: string;
}

function entriesOf(text: string): Entry[] {
  const parts = text.split(/^## /m).slice(1);
  return parts.map((part) => ({ version: /^\S+/.exec(part)?.[0] ?? '', text: part }));
}

const numbersOf = (text: string): number[] => text.split('.').map(Number);

function isNewer(a: string, b: string): boolean {
  const [left, right] = [numbersOf(a), numbersOf(b)];
  const at = left.findIndex((number, index) => number !== right[index]);
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0);
}

describe('the version', () => {
  it('is one in package.json, the lock file, the code, and the header of logs', () => {
    expect(manifest('package-lock.json').version).toBe(version);
    const lock = z.object({ packages: z.object({ '': VERSIONED }) });
    expect(lock.parse(JSON.parse(projectFile('package-lock.json').text)).packages[''].version).toBe(version);
    expect(GRANULE_VERSION).toBe(version);
    expect(codeFingerprint().split('+')[0]).toBe(version);
  });

  it('is the first of the changelog, whose parts stand from the newest to the oldest', () => {
    const entries = entriesOf(projectFile('CHANGELOG.md').text);
    expect(entries[0]?.version).toBe(version);
    for (const [index, { version: newer }] of entries.slice(0, -1).entries()) {
      expect(isNewer(newer, entries[index + 1]?.version ?? '')).toBe(true);
    }
  });

  it('has a part of the changelog that names the format of logs and says whether older logs replay', () => {
    const formats = entriesOf(projectFile('CHANGELOG.md').text).map((entry) => {
      const found = /^Log format (\d+), reads (\d+) to (\d+)\. Replay: (?:same|differs)\b/m.exec(entry.text);
      expect(found, `changelog of ${entry.version}`).not.toBe(null);
      return found?.slice(1, 4).map(Number);
    });
    expect(formats[0]).toEqual([LOG_FORMAT_VERSION, OLDEST_FORMAT_VERSION, LOG_FORMAT_VERSION]);
  });

  it('is met by the packages that the tests build on it', () => {
    const [major = 0, minor = 0] = numbersOf(version);
    const paths = projectPaths('fixtures/packages').filter((path) => path.endsWith('/package.json'));
    const peers = paths.flatMap((path) => {
      const parsed = z.object({ peerDependencies: VERSIONED.shape.peerDependencies });
      return Object.entries(parsed.parse(JSON.parse(projectFile(path).text)).peerDependencies ?? {});
    });
    expect(peers).toEqual([['granule', major === 0 ? `^0.${minor}.0` : `^${major}.0.0`]]);
  });
});

describe('docs/versions.md', () => {
  const { text } = projectFile('docs/versions.md');
  const row = (what: string): string[] => {
    const line = text.split('\n').find((candidate) => candidate.startsWith(`| ${what} |`)) ?? '';
    return line
      .split('|')
      .slice(2, 4)
      .map((cell) => cell.trim());
  };

  it('has the numbers of the code', () => {
    expect(row('the package')).toEqual([version, '']);
    expect(row('format of logs')).toEqual([
      `${LOG_FORMAT_VERSION}`,
      `${OLDEST_FORMAT_VERSION} to ${LOG_FORMAT_VERSION}`,
    ]);
    expect(row('format of traces')).toEqual([`${GTR_VERSION}`, `${GTR_VERSION}`]);
  });

  it('agrees with the documents of the formats', () => {
    expect(projectFile('docs/log-format.md').text).toMatch(
      new RegExp(`^# The log file, format version ${LOG_FORMAT_VERSION}\\n`),
    );
    expect(projectFile('docs/trace-format.md').text).toContain(`version u32 (${GTR_VERSION})`);
  });

  it('is true of golden logs: there is one of each format that can be read', () => {
    for (let format = OLDEST_FORMAT_VERSION; format <= LOG_FORMAT_VERSION; format += 1) {
      expect(projectPaths('fixtures/golden')).toContain(`fixtures/golden/format-${format}.glog`);
    }
  });

  it('tells which of two versions is newer by its numbers', () => {
    expect(isNewer('0.10.0', '0.9.9')).toBe(true);
    expect(isNewer('1.0.0', '0.9.9')).toBe(true);
    expect(isNewer('0.9.9', '0.10.0')).toBe(false);
    expect(isNewer('1.0.0', '1.0.0')).toBe(false);
  });
});
