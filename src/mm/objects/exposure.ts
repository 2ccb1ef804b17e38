/**
 * Who sees what is not theirs: frames that an area shows although they are no part of the memory that was mapped, with
 * their owners.
 *
 * @models D-20 S-29 S-47
 */
import type { DriverPiece } from './driverShapes.ts';

/** Physical memory that somebody has. */
export interface OwnedRange {
  owner: string;
  startBytes: number;
  lengthBytes: number;
}

/** Foreign memory that an area shows. */
export interface Exposure {
  /** From the start of the area. */
  areaBytes: number;
  /** Physical address. */
  startBytes: number;
  lengthBytes: number;
  /** Whose it is; `nobody` of addresses that no known memory or device has. */
  owner: string;
}

function ownerAt(owners: readonly OwnedRange[], at: number): { owner: string; untilBytes: number } {
  const found = owners.find(({ startBytes, lengthBytes }) => at >= startBytes && at < startBytes + lengthBytes);
  if (found !== undefined) return { owner: found.owner, untilBytes: found.startBytes + found.lengthBytes };
  const next = owners.filter(({ startBytes }) => startBytes > at).map(({ startBytes }) => startBytes);
  return { owner: 'nobody', untilBytes: Math.min(Number.MAX_SAFE_INTEGER, ...next) };
}

/**
 * The foreign memory that the pieces of an area show, in order. `memory` is what was to be mapped; its own bytes are
 * not foreign, and neither is the rest of a kernel page that its first or last byte lies in, which every kernel shows.
 *
 * @example
 * ```ts
 * const memory = { owner: 'driver:nic', startBytes: 0xa003000, lengthBytes: 4096 };
 * const uart = { owner: 'driver:uart', startBytes: 0xa004000, lengthBytes: 4096 };
 * const pieces = [{ areaBytes: 0, memoryBytes: 0, lengthBytes: 8192 }];
 * exposures(pieces, memory, [memory, uart], 4096);
 * // [{ areaBytes: 4096, startBytes: 167788544, lengthBytes: 4096, owner: 'driver:uart' }]
 * ```
 */
export function exposures(
  pieces: readonly DriverPiece[],
  memory: OwnedRange,
  owners: readonly OwnedRange[],
  kernelPageBytes: number,
): Exposure[] {
  const first = memory.startBytes - (memory.startBytes % kernelPageBytes);
  const end = Math.ceil((memory.startBytes + memory.lengthBytes) / kernelPageBytes) * kernelPageBytes;
  const found: Exposure[] = [];
  for (const piece of pieces) {
    const startBytes = memory.startBytes + piece.memoryBytes;
    const endBytes = startBytes + piece.lengthBytes;
    for (const [from, to] of [
      [startBytes, Math.min(endBytes, first)],
      [Math.max(startBytes, end), endBytes],
    ] as const) {
      for (let at = from; at < to; ) {
        const { owner, untilBytes } = ownerAt(owners, at);
        const next = Math.min(to, untilBytes);
        found.push({ areaBytes: piece.areaBytes + at - startBytes, startBytes: at, lengthBytes: next - at, owner });
        at = next;
      }
    }
  }
  return found;
}
