/** Ways to make one thing wrong in a topology that is in order. */
import type { Made, MadeProcess } from './madeTopologies.ts';

/** One of them. */
export interface Breakage {
  what: string;
  /** The topology with that wrong; null where it has nothing of the kind. It may be changed itself. */
  break: (data: Made) => Made | null;
  /** What the message says. */
  says: RegExp;
}

interface Actor {
  id: string;
  ports: Record<string, string>;
  input?: Record<string, unknown>;
}

function inFields(what: string, fields: Record<string, unknown>, says: RegExp): Breakage {
  return { what, break: (data) => ({ ...data, ...fields }), says };
}

/** Something wrong in the last process. */
function inProcess(what: string, change: (process: MadeProcess, data: Made) => object | null, says: RegExp): Breakage {
  const broken = (data: Made): Made | null => {
    const last = data.processes.at(-1);
    const changed = last === undefined ? null : change(last, data);
    if (last === undefined || changed === null) return null;
    const processes = [...data.processes.slice(0, -1), { ...last, ...changed }];
    return { ...data, processes };
  };
  return { what, break: broken, says };
}

/** A message too many. */
function inMessages(what: string, message: object, says: RegExp): Breakage {
  return {
    what,
    break: (data) => ({ ...data, messages: [...((data['messages'] ?? []) as object[]), message] }),
    says,
  };
}

/** Something wrong in the last step of the last process. */
function inStep(what: string, step: object, says: RegExp): Breakage {
  return inProcess(what, ({ program }) => ({ program: [...(program as object[]), step] }), says);
}

/** Something wrong in an actor of a kind of the user's own, in the topologies that have some. */
function inActor(what: string, kind: string, change: (actor: Actor) => object, says: RegExp): Breakage {
  const broken = (data: Made): Made | null => {
    const actors = data['actors'] as Actor[] | undefined;
    if (actors === undefined) return null;
    const at = actors.findIndex(({ id }) => id.startsWith(`${kind}:`));
    return { ...data, actors: actors.map((actor, index) => (index === at ? { ...actor, ...change(actor) } : actor)) };
  };
  return { what, break: broken, says };
}

function inActors(what: string, change: (data: Made, actors: Actor[]) => object, says: RegExp): Breakage {
  const broken = (data: Made): Made | null => {
    const actors = data['actors'] as Actor[] | undefined;
    return actors === undefined ? null : { ...data, ...change(data, actors) };
  };
  return { what, break: broken, says };
}

function without(data: Made, field: string): Made {
  const { [field]: _, ...rest } = data;
  return rest as Made;
}

const form: Breakage[] = [
  inFields('a field misspelt', { kernelPagesize: '4K' }, /no field "kernelPagesize"/),
  inFields('a field of nothing', { colour: 'red' }, /no field "colour"/),
  inFields('a number that is text', { quantumCycles: 'many' }, /"many" is not a number/),
  inFields('a size that is none', { stackLimit: '12Q' }, /12Q/),
  inFields('no process', { processes: [] }, /the list is empty/),
  inFields('a choice that is none', { chooser: 'time-ordr' }, /"time-ordr" is not one of/),
  inFields('a core that is none', { core: 'cortex-a67' }, /"cortex-a67" is not one of/),
  inFields('a design that is none', { design: { kpti: 'on' } }, /"on" is not true or false/),
  inFields('a base that is not there', { extends: './nowhere.yaml' }, /there is no topology/),
  inFields('a parameter that is not there', { description: 'on ${machine}' }, /no parameter "machine"/),
  inFields('a list that is an object', { files: { path: '/srv/data' } }, /an object is not a list/),
  { what: 'no processes at all', break: (data) => without(data, 'processes'), says: /"processes" is missing/ },
];

const parts: Breakage[] = [
  inFields('more memory than frames', { memory: '100T' }, /memory of \d+ bytes is more than/),
  inFields('a cost that is none', { costs: { nap: 1 } }, /there is no cost "nap"/),
  inFields('fewer ASIDs than CPUs', { asidBits: 1, cpus: 3 }, /usable ASIDs|below/),
  inFields('a group of nobody', { cgroups: [{ name: 'web', pids: [99] }] }, /no process:99/),
  inFields('an operator that is none', { faultPlan: [{ wire: { from: '*', to: '*' }, op: 'dorp' }] }, /dorp/),
  inFields('a wire without an end', { faultPlan: [{ wire: { from: '*' }, op: 'drop' }] }, /"to" is missing/),
  inMessages('a message to nobody', { to: 'mm:99', type: 'EXIT' }, /mm:99, which is no actor/),
  inMessages('a message that is none', { to: 'zone', type: 'LUNCH' }, /a zone cannot take it/),
  inFields('tables dropped that are eager', { reclaim: { nativeTables: 'drop' }, design: {} }, /nativeFill|lazy/),
  inFields(
    'devices in one place',
    {
      drivers: [
        { name: 'a', registers: 0x10_0000, lengthBytes: 65_536 },
        { name: 'b', registers: 0x10_0000, lengthBytes: 65_536 },
      ],
    },
    /overlap/,
  ),
  inProcess('a page size that is none', () => ({ pageSize: '8K' }), /a page size is 4K, 16K or 64K/),
  inProcess(
    'a page below the kernel',
    (_, { kernelPageSize }) => (kernelPageSize === '4K' ? null : { pageSize: '4K' }),
    /below the kernel's/,
  ),
  inProcess(
    'a layout below the page',
    ({ pageSize }) => (pageSize === '64K' ? { layout: '4K' } : null),
    /laid out for pages smaller/,
  ),
  inProcess('a CPU that is not there', (_, { cpus }) => ({ cpu: cpus }), /there is no tlb:/),
  inProcess('a process of nothing', () => ({ program: undefined }), /runs a trace, a program or a workload/),
  inProcess(
    'a trace that is not there',
    () => ({ program: undefined, trace: 'nowhere' }),
    /there is no trace "nowhere"/,
  ),
  inProcess('a thread of nobody', () => ({ threadOf: 99 }), /no process:99 to be a thread of/),
  inProcess('a child of nobody', () => ({ children: [99] }), /no process:99 to fork/),
  inProcess('a pid that is none', () => ({ pid: 0 }), /0 is below 1/),
  inStep('a step that is none', { op: 'munmapp', addr: 0 }, /munmapp/),
  inStep('a step without a field', { op: 'munmap', addr: '0x200000000' }, /"lengthBytes" is missing/),
  inStep('advice that is none', { op: 'madvise', addr: 0, lengthBytes: 1, advice: 'DONTNED' }, /"DONTNED" is none of/),
];

const links: Breakage[] = [
  inActor(
    'a port to nobody',
    'smmu',
    ({ ports }) => ({ ports: { ...ports, tables: 'mmu:99' } }),
    /mmu:99, which is no/,
  ),
  inActor('a port to another kind', 'smmu', ({ ports }) => ({ ports: { ...ports, tables: 'zone' } }), /zone is a zone/),
  inActor('a port misspelt', 'nic', ({ ports }) => ({ ports: { memroy: ports['memory'] } }), /no port memroy/),
  inActor('a port that is not bound', 'smmu', ({ ports }) => ({ ports: { device: ports['device'] } }), /not bound/),
  inActor('no ports', 'nic', () => ({ ports: {} }), /the port memory of nic:0 is not bound/),
  inActor('an input misspelt', 'smmu', () => ({ input: { streems: 2 } }), /no field "streems"/),
  inActor('an input of the wrong kind', 'smmu', () => ({ input: { streams: 0 } }), /0 is below 1/),
  inActor('an input for whom it is not', 'nic', () => ({ input: {} }), /a nic is told nothing/),
  inActor('a kind misspelt', 'nic', () => ({ id: 'nick:0' }), /no definition is of the kind "nick"/),
  inActors(
    'a second owner',
    (data, actors) => ({
      actors: [...actors, { id: 'nic:9', ports: { memory: 'smmu:0' } }],
      messages: [...(data['messages'] as object[]), { to: 'nic:9', type: 'RING', times: 1 }],
    }),
    /both bound to smmu:0/,
  ),
  inActors('one id twice', (_, actors) => ({ actors: [...actors, { ...actors[0] }] }), /two actors have the id smmu:0/),
  inActors('a message that nobody sends', () => ({ messages: [] }), /accepts RING, which nobody here sends/),
  inActors(
    'a message without its fields',
    (data) => ({ messages: [...(data['messages'] as object[]), { to: 'nic:0', type: 'RING' }] }),
    /"times" is missing/,
  ),
  inActors('no module', () => ({ uses: undefined }), /no definition is of the kind "smmu"/),
  inActors(
    'a module that is not there',
    (data) => ({ uses: [...(data['uses'] as string[]), './none.mjs'] }),
    /no module/,
  ),
  inActors(
    'an actor of a kind of granule',
    (_, actors) => ({ actors: [...actors, { id: 'disk:9' }] }),
    /own kind disk/,
  ),
  inActors(
    'a stand-in that takes too little',
    // A program with files: nobody else writes to a disk.
    (data) => ({
      replace: { disk: 'half-disk' },
      processes: [...(data['processes'] as object[]), { pid: 99, trace: 'true-kernel', pageSize: '64K' }],
    }),
    /half-disk stands in for disk and does not accept/,
  ),
  inActors(
    'a stand-in for another kind',
    () => ({ replace: { zone: 'half-disk' } }),
    /stands in for disk, not for zone/,
  ),
  inActors(
    'a stand-in that nobody defines',
    () => ({ replace: { disk: 'disc' } }),
    /no definition is of the kind "disc"/,
  ),
  inActors('a kind to replace that is none', () => ({ replace: { dsik: 'half-disk' } }), /no field "dsik"/),
];

/** All of them. */
export const breakages: readonly Breakage[] = [...form, ...parts, ...links];
