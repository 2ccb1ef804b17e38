/**
 * The field `procfs` of a topology: that files of /proc and /sys can be read, and what a reader of another page size is shown.
 *
 * @models S-49 L-09
 */
import { z } from 'zod';
import { machines, zeroFrame } from '../../../machines/index.ts';
import { deviceMinor } from '../../mm/procfs/settings.ts';
import type { PartActors } from './part.ts';

/**
 * What may be written for it.
 *
 * @example
 * ```ts
 * procfsSchema.parse({}); // { policy: 'translate' }
 * ```
 */
export const procfsSchema = z.strictObject({
  policy: z
    .enum(['translate', 'defeature'])
    .default('translate')
    .describe("Values are put into the reader's pages, or refused; or what cannot be shown in them is not there."),
});

/** Inode of the first file of a file system, behind that of its root. */
const FIRST_INODE = 2;
/** `VIRTBLK` disks have the major number that is handed out last (`register_blkdev` of 0). */
const DISK_MAJOR = 254;

/**
 * The actor `procfs`, which knows the processes and the files of the topology by name.
 *
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'true-kernel', pageSize: '4K' };
 * const topology = parseTopology({ name: 'one', processes: [process], procfs: {} }, 'example');
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * procfsActors({ topology, resources }).map(({ id }) => id); // ['procfs']
 * ```
 */
export const procfsActors: PartActors = ({ topology, resources }) => {
  const { procfs, processes, files, kernelPageSize: kernelPageBytes } = topology;
  if (procfs === undefined) return [];
  const named = files.map(({ path, kind }, at) => {
    const inMemory = kind === 'tmpfs';
    const device = inMemory ? { major: 0, minor: deviceMinor(kernelPageBytes) } : { major: DISK_MAJOR, minor: 0 };
    return { path, inMemory, inode: { ...device, ino: FIRST_INODE + at } };
  });
  const pids = processes.map(({ pid }) => pid);
  const { policy } = procfs;
  const hasSwap = topology.reclaim?.swap !== undefined;
  const zeroPfn = zeroFrame(kernelPageBytes);
  const hasKsm = topology.ksm !== undefined;
  const input = { resources, kernelPageBytes, zeroPfn, policy, pids, files: named, hasSwap, hasKsm };
  return [{ id: 'procfs', machine: machines.procfs, input }];
};
