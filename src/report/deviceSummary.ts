/**
 * What became of mapped objects and devices: requests that were refused, foreign memory that was shown, with its
 * owners, and bytes that ioctls wrote behind the ends of buffers.
 *
 * @models D-20 S-29 S-47 L-10
 */
import { type ShownState, statesOfKind } from './actorStates.ts';
import { formatBytes, formatCount } from './format.ts';

/** Foreign memory that one device showed to one address space, by owner. */
export interface ShownMemory {
  device: string;
  mm: string;
  owner: string;
  bytes: number;
}

/** One device. */
export interface DeviceState {
  device: string;
  shape: string;
  small: string;
  /** Mappings that were refused. */
  refused: number;
  overrunBytes: number;
}

/** The devices and objects of a run. */
export interface DeviceSummary {
  devices: DeviceState[];
  foreign: ShownMemory[];
  /** Objects of the kernel that were made, and requests for one or for a mapping that a rule refused. */
  objects: { made: number; refused: number } | null;
}

/**
 * The devices and objects among the states of a run; null where there are none.
 *
 * @example
 * ```ts
 * deviceSummary([]); // null
 * ```
 */
export function deviceSummary(states: readonly ShownState[]): DeviceSummary | null {
  const drivers = statesOfKind(states, 'driver');
  const [owner] = statesOfKind(states, 'object');
  if (drivers.length === 0 && owner === undefined) return null;
  const foreign = new Map<string, ShownMemory>();
  for (const { actor, context } of drivers) {
    for (const { mm, owner: whose, lengthBytes } of context.exposed) {
      const key = `${actor} ${mm} ${whose}`;
      const bytes = (foreign.get(key)?.bytes ?? 0) + lengthBytes;
      foreign.set(key, { device: actor, mm, owner: whose, bytes });
    }
  }
  return {
    devices: drivers.map(({ actor, context: { shape, small, refused, overrunBytes } }) => {
      return { device: actor, shape, small, refused, overrunBytes };
    }),
    foreign: [...foreign.values()],
    objects: owner === undefined ? null : { made: owner.context.made, refused: owner.context.refused },
  };
}

/**
 * The lines of a run's summary.
 *
 * @example
 * ```ts
 * const foreign = [{ device: 'driver:nic', mm: 'mm:1', owner: 'driver:uart', bytes: 4096 }];
 * deviceLines({ devices: [], foreign, objects: null })[0]; // 'driver:nic showed mm:1 4 KiB of driver:uart'
 * ```
 */
export function deviceLines({ devices, foreign, objects }: DeviceSummary): string[] {
  const lines: string[] = [];
  if (objects !== null) {
    lines.push(
      `objects of the kernel: ${formatCount(objects.made)} made, ${formatCount(objects.refused)} requests refused`,
    );
  }
  for (const { device, shape, small, refused, overrunBytes } of devices) {
    if (refused > 0) lines.push(`${device} (${shape}, ${small}) refused ${formatCount(refused)} mappings`);
    if (overrunBytes > 0) lines.push(`${device}: ioctls wrote ${formatCount(overrunBytes)} bytes behind buffers`);
  }
  for (const { device, mm, owner, bytes } of foreign) {
    lines.push(`${device} showed ${mm} ${formatBytes(bytes)} of ${owner}`);
  }
  return lines;
}
