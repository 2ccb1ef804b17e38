/**
 * Objects of the kernel that processes map, and devices with their drivers.
 *
 * @models S-29 S-30 S-33 S-47 T-10 D-20 L-10
 */
import { z } from 'zod';
import { machines } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import { driverShapes } from '../../mm/objects/driverShapes.ts';
import type { OwnedRange } from '../../mm/objects/exposure.ts';
import type { ActorSpec } from '../../runtime/hosting.ts';
import { number } from '../../trace/programCalls.ts';
import type { Topology } from '../schema.ts';
import type { PartActors, PartSurroundings } from './part.ts';

/** Programs that make objects need their owner, whether the topology says something of it or not. */
const OBJECT_CALLS: ReadonlySet<string> = new Set([
  'perf_event_open',
  'io_uring_setup',
  'bpf_map_create',
  'packet_ring',
  'io_setup',
]);

const pages = z.enum(['process-page', 'kernel-page']);
const ranges = z.array(
  z.strictObject({
    offsetBytes: number.describe('Where it begins in the device.'),
    lengthBytes: number.describe('How long it is.'),
  }),
);
const shapes = Object.keys(driverShapes) as [keyof typeof driverShapes, ...(keyof typeof driverShapes)[]];

/**
 * What a topology says of the kernel's objects: the page that they are made of, and whether programs have vvar and
 * vDSO.
 *
 * @example
 * ```ts
 * objectsSchema.parse({}); // { pages: 'process-page', vdso: false }
 * ```
 */
export const objectsSchema = z.strictObject({
  pages: pages.default('process-page').describe('The page that objects of the kernel are made of.'),
  vdso: z.boolean().default(false).describe('Programs have vvar and vDSO.'),
});

const driverSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/, 'a name is letters, digits, points, dashes and underscores')
    .describe('Programs map it as `driver:NAME`.'),
  shape: z.enum(shapes).default('vm_iomap_memory').describe('How it maps its memory: docs/drivers.md.'),
  registers: number
    .optional()
    .describe('Physical address of its registers, below 1 GiB, where RAM begins; left out: it has RAM.'),
  lengthBytes: number.describe('How much memory it has.'),
  small: z
    .enum(['refuse', 'pad', 'leak', 'driver'])
    .default('refuse')
    .describe('What becomes of memory that fills no process page.'),
  deviceMemory: ranges.optional().describe('What of it is Device-nGnRE memory: all registers unless given, no RAM.'),
  ioctlPages: pages.default('process-page').describe('Whose pages its ioctls count in.'),
});

/**
 * The devices of a topology.
 *
 * @example
 * ```ts
 * driversSchema.parse([{ name: 'nic', registers: '0xa003000', lengthBytes: '4K' }])[0]?.small; // 'refuse'
 * ```
 */
export const driversSchema = z.array(driverSchema).min(1);

type Device = z.output<typeof driverSchema>;
function fail(what: string, where: string): never {
  throw new GranuleError('TOPOLOGY_INVALID', what, where);
}

/** RAM begins at 1 GiB on the machine that is modelled (`machines/zone.ts`): registers lie below it. */
const REGISTERS_END = 2 ** 30;

function checkDevices(topology: Topology, devices: readonly Device[]): void {
  const names = new Set<string>();
  for (const [at, { name, registers, lengthBytes }] of devices.entries()) {
    const where = `${topology.name}: drivers.${at}`;
    if (names.has(name)) fail(`driver:${name} is given twice`, `${where}.name`);
    names.add(name);
    if (lengthBytes <= 0) fail('a device has memory', `${where}.lengthBytes`);
    if (registers === undefined) continue;
    const isBelow = registers >= 0 && registers + lengthBytes <= REGISTERS_END;
    if (!isBelow) fail('registers lie below 1 GiB, where RAM begins', `${where}.registers`);
    const other = devices.find((each, before) => before < at && overlaps(each, registers, lengthBytes));
    if (other !== undefined) fail(`registers of ${name} and ${other.name} overlap`, `${where}.registers`);
  }
}

function overlaps({ registers, lengthBytes }: Device, startBytes: number, length: number): boolean {
  return registers !== undefined && registers < startBytes + length && startBytes < registers + lengthBytes;
}

/** Every device that a program means is there. */
function checkNames(topology: Topology, devices: readonly Device[]): void {
  const known = new Set(devices.map(({ name }) => `driver:${name}`));
  for (const [at, { program }] of topology.processes.entries()) {
    for (const [step, call] of (program ?? []).entries()) {
      const file = 'file' in call ? call.file : null;
      if (file === null || !file.startsWith('driver:') || known.has(file)) continue;
      const where = `${topology.name}: processes.${at}.program.${step}.file`;
      throw new GranuleError('TOPOLOGY_ACTOR_UNKNOWN', `there is no ${file} among the drivers`, where);
    }
  }
}

function driverActor(device: Device, { topology, resources }: PartSurroundings, owners: OwnedRange[]): ActorSpec {
  const { name, shape, registers, lengthBytes, small, ioctlPages, deviceMemory } = device;
  const padBytes = Math.max(topology.kernelPageSize, ...topology.processes.map(({ pageSize }) => pageSize));
  const all = registers === undefined ? [] : [{ offsetBytes: 0, lengthBytes }];
  const input = {
    resources,
    kernelPageBytes: topology.kernelPageSize,
    name,
    shape,
    registersBytes: registers ?? null,
    lengthBytes,
    small,
    padBytes,
    deviceMemory: deviceMemory ?? all,
    ioctlPages,
    owners: owners.filter(({ owner }) => owner !== `driver:${name}`),
  };
  return { id: `driver:${name}`, machine: machines.driver, input };
}

/**
 * Makes the owner of the kernel's objects, where a program makes any, and one actor a device.
 *
 * @throws GranuleError TOPOLOGY_INVALID, TOPOLOGY_ACTOR_UNKNOWN
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const topology = { ...loadTopology('plain-4k'), objects: { pages: 'process-page' as const, vdso: true } };
 * objectActors({ topology, resources }).map(({ id }) => id); // ['object']
 * ```
 */
export const objectActors: PartActors = (surroundings) => {
  const { resources, topology } = surroundings;
  const devices = topology.drivers ?? [];
  checkDevices(topology, devices);
  checkNames(topology, devices);
  const isUsed = topology.processes.some(({ program }) => program?.some(({ op }) => OBJECT_CALLS.has(op)));
  const actors: ActorSpec[] = [];
  if (topology.objects !== undefined || isUsed) {
    const kernelObjects = topology.objects?.pages ?? 'process-page';
    const input = { resources, kernelPageBytes: topology.kernelPageSize, kernelObjects };
    actors.push({ id: 'object', machine: machines.object, input });
  }
  const owners = devices.flatMap(({ name, registers, lengthBytes }) =>
    registers === undefined ? [] : [{ owner: `driver:${name}`, startBytes: registers, lengthBytes }],
  );
  return [...actors, ...devices.map((device) => driverActor(device, surroundings, owners))];
};
