/** Looking for the log that a fork goes on from, among files: by head hash, so that it may have any name. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { GranuleError } from '../errors.ts';
import { openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { findIndex } from '../log/recovery.ts';
import { zlibCompression } from '../log/zlib.node.ts';

/** Where to look, nearest first: logs, and folders of logs. */
export interface ParentPlaces {
  /** Files that were named: one that cannot be opened is an error. */
  readonly given: readonly string[];
  readonly folders: readonly string[];
}

/** Finds logs by head hash. */
export interface ParentFinder {
  readonly find: (headHash: string, child: LogReader) => LogReader | null;
  /** The places, for an error. */
  readonly looked: string;
}

function logsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.glog'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** A fork is mostly named after its parent: logs whose name its name begins with are looked at first, the longest first. */
function byNearness(paths: readonly string[], child: string): string[] {
  const name = basename(child, '.glog');
  const nearness = (path: string): number => {
    const stem = basename(path, '.glog');
    return name.startsWith(stem) ? stem.length : 0;
  };
  return paths.toSorted((a, b) => nearness(b) - nearness(a));
}

/** A log, if it has a head hash; null for anything else. `isWhole`: logs that were cut are not gone through for it. */
function openIf(path: string, headHash: string, child: LogReader, isWhole: boolean): LogReader | null {
  const storage = openLogFile(path);
  try {
    if ((findIndex(storage) !== null) === isWhole) {
      const reader = LogReader.open(storage, zlibCompression, child.registry);
      if (reader.headHash === headHash) return reader;
    }
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
  }
  storage.close();
  return null;
}

/**
 * Looks for parents among files and in folders; a log that is no file is not found. Logs that were cut come last, since telling
 * their head hash takes going through them.
 *
 * @throws GranuleError FILE_NOT_FOUND, FILE_UNREADABLE from `find`, for a file that was named
 * @example
 * ```ts
 * parentFinder({ given: [], folders: ['/no/such/folder'] }).looked; // '/no/such/folder'
 * ```
 */
export function parentFinder({ given, folders }: ParentPlaces): ParentFinder {
  const places = [...new Set(folders.map((folder) => resolve(folder)))];
  const files = given.filter((path) => !isFolder(path));
  const givenFolders = given.filter(isFolder);
  const find = (headHash: string, child: LogReader): LogReader | null => {
    const found = [...givenFolders, ...places].flatMap((folder) => byNearness(logsIn(folder), child.storage.name));
    const paths = [...new Set([...files, ...found].map((path) => resolve(path)))];
    for (const isWhole of [true, false]) {
      for (const path of paths) {
        const reader = openOrSkip(path, headHash, child, { isWhole, isGiven: files.includes(path) });
        if (reader !== null) return reader;
      }
    }
    return null;
  };
  return { find, looked: [...given, ...places].join(', ') };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function openOrSkip(
  path: string,
  headHash: string,
  child: LogReader,
  { isWhole, isGiven }: { readonly isWhole: boolean; readonly isGiven: boolean },
): LogReader | null {
  try {
    return openIf(path, headHash, child, isWhole);
  } catch (error) {
    if (isGiven || !(error instanceof GranuleError)) throw error;
    return null;
  }
}
