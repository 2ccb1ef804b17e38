/** What an exploration found: shrunk, as a log that other commands open, and told. */
import { logAccount } from '../explore/account/logAccount.ts';
import { modelAccount, shrunkText } from '../explore/account/modelAccount.ts';
import { plainTextOf } from '../explore/account/tell.ts';
import type { Discovery } from '../explore/model.ts';
import { shrinkPath } from '../explore/shrink/shrinkPath.ts';
import type { OpenedTopology, SomeModel } from '../explore/world/openModel.node.ts';
import { runPath } from '../explore/world/runPath.ts';
import { createLogFile, openLogFile } from '../log/fileStorage.node.ts';
import { LogReader } from '../log/logReader.ts';
import { LogWriter } from '../log/logWriter.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { logMeta } from '../topology/meta.ts';

/** A topology, its traces and definitions. */
export type FoundIn = Pick<OpenedTopology, 'topology' | 'traces' | 'catalogue' | 'model'>;

/** Something that was found, ready to be looked at. */
export interface Finding {
  /** With its way as it is told. */
  readonly discovery: Discovery;
  /** What shrinking did; empty where nobody shrank. */
  readonly shrunk: string;
  /** Null for a model that is no topology. */
  readonly log: string | null;
  readonly account: string;
}

/** Where a way does not break the property when it is gone again, as where it ends at a limit, it stays as it is. */
function shrunkWay(model: SomeModel, discovery: Discovery, shrinks: boolean): { discovery: Discovery; shrunk: string } {
  if (!shrinks || discovery.path.keys.length === 0) return { discovery, shrunk: '' };
  const shrunk = shrinkPath(model, discovery);
  return { discovery: shrunk.discovery, shrunk: shrunkText(shrunk) };
}

/**
 * Makes a finding of what a search found in a model that is no topology.
 *
 * @example
 * ```ts
 * const model = await modelOfRequest({ what: 'classic:lost-update', cwd: '/' });
 * const { discoveries } = exploreAll(model);
 * findingInModel(model, discoveries[0], true).discovery.path.keys.length; // 4
 * ```
 */
export function findingInModel(model: SomeModel, found: Discovery, shrinks: boolean): Finding {
  const way = shrinkPath(model, found, shrinks ? {} : { tries: 0 });
  const told = modelAccount(model, way);
  const account = plainTextOf(shrinks ? told : { ...told, parts: [] });
  return { discovery: way.discovery, shrunk: shrinks ? shrunkText(way) : '', log: null, account };
}

/**
 * Makes a finding of what a search found in a topology: the real loop runs the way, and leaves its log.
 *
 * @throws GranuleError EXPLORE_PATH_LOST; DISK_FULL, OUTPUT_UNWRITABLE
 * @example
 * ```ts
 * const opened = await openModel({ what: 'plain-4k', cwd: '/' });
 * const path = { initial: 0, keys: ['outside>process:100#0'] };
 * const found = { property: 'no-lost-wake-up', kind: 'at-end' as const, path, fault: 'made up' };
 * opened.kind === 'topology' ? findingInTopology(opened, found, { shrinks: false, file: '/tmp/found.glog', how: '' }).log : '';
 * ```
 */
export function findingInTopology(
  { topology, traces, catalogue, model }: FoundIn,
  found: Discovery,
  { shrinks, file, how }: { readonly shrinks: boolean; readonly file: string; readonly how: string },
): Finding {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a model is asked with what it gave itself
  const { discovery, shrunk } = shrunkWay(model as unknown as SomeModel, found, shrinks);
  const writer = new LogWriter(createLogFile(file), zlibCompression, logMeta(topology, traces, null, catalogue));
  runPath({ topology, traces, catalogue, path: discovery.path, writer });
  const reader = LogReader.open(openLogFile(file), zlibCompression, catalogue.registry);
  const property = model.properties.find(({ name }) => name === discovery.property);
  const account = logAccount({
    reader,
    traces,
    discovery,
    property: { says: property?.says ?? 'Something gets done.' },
    found: [how, shrunk].filter((line) => line !== ''),
    next: nextCommands(file, discovery),
  });
  return { discovery, shrunk, log: file, account: plainTextOf(account) };
}

function nextCommands(file: string, { path }: Discovery): string[] {
  const last = path.keys.length - 1;
  return [
    `granule debug ${file} -e "goto ${last}"`,
    `granule inspect ${file}`,
    `granule why ${file} ${last}`,
    `granule replay ${file}`,
  ];
}
