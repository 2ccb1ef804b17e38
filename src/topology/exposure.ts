/**
 * Who sees what is not theirs, by looking at the tables that hardware walks: frames in areas of a device that are no
 * part of its memory. It does not ask the drivers what they have shown.
 *
 * @models D-20 S-29 S-47
 */
import type { DriverContext, MmContext, MmuContext, ZoneContext } from '../../machines/index.ts';
import { isValid, pfnOf } from '../mm/pte.ts';
import type { System } from '../runtime/system.ts';

/** Frames that a process can reach in an area of a device and that are not the device's. */
export interface ForeignFrames {
  mm: string;
  device: string;
  /** Address of the first. */
  va: number;
  /** Kernel frames. */
  pfn: number;
  nr: number;
  /** Whose they are: a device, whoever allocated the folio, or `nobody`. */
  owner: string;
}

function devicesOf(system: System): Map<string, DriverContext> {
  const found = new Map<string, DriverContext>();
  for (const [id, snapshot] of system.snapshots()) {
    if (id.startsWith('driver:')) found.set(id, snapshot.context as DriverContext);
  }
  return found;
}

/** Whether a device has a kernel frame: of registers the pages that they touch, of RAM what was allocated. */
function hasFrame({ registersBytes, lengthBytes, frames, kernelPageBytes }: DriverContext, pfn: number): boolean {
  if (registersBytes === null) return frames.includes(pfn);
  const first = Math.floor(registersBytes / kernelPageBytes);
  return pfn >= first && pfn * kernelPageBytes < registersBytes + lengthBytes;
}

function ownerOf(devices: ReadonlyMap<string, DriverContext>, zone: ZoneContext, pfn: number): string {
  for (const [id, device] of devices) if (hasFrame(device, pfn)) return id;
  return zone.folios.find(pfn)?.owner ?? 'nobody';
}

/**
 * The foreign frames of every process, by address.
 *
 * @example
 * ```ts
 * const topology = loadTopology('device-register-page');
 * const { system } = runTopology({ topology, traces: loadTraces(topology, { folders: [] }), writer: null });
 * foreignFrames(system); // []
 * ```
 */
export function foreignFrames(system: System): ForeignFrames[] {
  const devices = devicesOf(system);
  const zone = system.snapshot('zone').context as ZoneContext;
  const found: ForeignFrames[] = [];
  for (const [id, snapshot] of system.snapshots()) {
    if (!id.startsWith('mm:')) continue;
    const { vmas, kernelPageBytes } = snapshot.context as MmContext;
    const mmu = system.snapshot(`mmu:${id.slice('mm:'.length)}`).context as MmuContext;
    const table = mmu.native ?? mmu.linux;
    const { granuleBytes } = table.geometry;
    const span = granuleBytes / kernelPageBytes;
    for (const { startVa, endVa, file } of vmas.list()) {
      const device = file === null ? undefined : devices.get(file);
      if (device === undefined || file === null) continue;
      table.forEach(startVa, endVa, (va, pte) => {
        if (!isValid(pte)) return;
        for (let at = 0; at < span; at++) {
          const pfn = pfnOf(pte) * span + at;
          if (hasFrame(device, pfn)) continue;
          const owner = ownerOf(devices, zone, pfn);
          const last = found.at(-1);
          const follows = last?.mm === id && last.owner === owner && last.pfn + last.nr === pfn;
          if (follows && last.va + last.nr * kernelPageBytes === va + at * kernelPageBytes) last.nr++;
          else found.push({ mm: id, device: file, va: va + at * kernelPageBytes, pfn, nr: 1, owner });
        }
      });
    }
  }
  return found;
}
