/** What has to hold in every system, whatever the order: granule's own properties, by name. */
import type { ActorKind, FileContext, MmContext, MmuContext, ZoneContext } from '../../../../machines/index.ts';
import { PTE, hasFlags, isPresent, pfnOf } from '../../../mm/pte.ts';
import type { ActorSpec } from '../../../runtime/hosting.ts';
import { customLaws } from '../../../topology/definitions/customLaws.ts';
import type { Catalogue } from '../../../topology/definitions/catalogue.ts';
import { mappedFault, roundsFault } from '../../../topology/lawsOfFiles.ts';
import { lostDirtFault } from '../../../topology/laws.ts';
import { PinLaws } from '../../../topology/lawsOfPins.ts';
import type { StandIns } from '../../../topology/lawsLooked.ts';
import type { LawSight } from '../../../topology/lawSight.ts';
import { countPages, nativeFault, residentFault, tableFramesFault } from '../../../topology/lawsOfTables.ts';
import { sizeFault } from '../../../topology/sizeLaws.ts';
import type { Topology } from '../../../topology/schema.ts';
import type { WorldProperty } from '../inspections.ts';
import { breakBeforeMake, noStaleTranslation } from './ofTranslations.ts';
import { contextOf, idsOf, pidOf, UNCOUNTED } from './sight.ts';
import { fallbackKeeps } from './fallbackKeeps.ts';

function noLostDirtyData(ids: readonly string[]): WorldProperty {
  return {
    name: 'no-lost-dirty-data',
    kind: 'always',
    says: 'No page that was written to goes as if it were clean.',
    reads: (owner) => owner.startsWith('mmu:'),
    inspections: idsOf(ids, 'mmu').map((mmu) => ({
      reads: [mmu],
      look: (sight) => lostDirtFault(contextOf<MmuContext>(sight, mmu)),
    })),
  };
}

function accountingConserved(ids: readonly string[]): WorldProperty {
  const frames = (sight: LawSight): string | null => {
    const { buddy, folios, totalPages } = contextOf<ZoneContext>(sight, 'zone');
    if (buddy.freeFrames + folios.frames === totalPages) return null;
    return `${buddy.freeFrames} free and ${folios.frames} used frames are not ${totalPages}`;
  };
  const resident = idsOf(ids, 'mmu').map((mmu) => ({
    reads: [mmu, `mm:${pidOf(mmu)}`],
    look: (sight: LawSight): string | null => {
      const mm = contextOf<MmContext>(sight, `mm:${pidOf(mmu)}`);
      if (mm.job !== null || mm.rmap.length > 0) return null;
      const tables = contextOf<MmuContext>(sight, mmu);
      if (tables.current !== null || tables.queue.length > 0) return null;
      return residentFault(mm, tables, countPages(tables, mm, undefined, UNCOUNTED));
    },
  }));
  return {
    name: 'accounting-conserved',
    kind: 'always',
    says: 'Frames are free or in one folio, an address space at rest counts what its table holds, and has the frames of its tables.',
    reads: (owner) => owner === 'zone' || owner.startsWith('mm:') || owner.startsWith('mmu:'),
    inspections: [
      { reads: ['zone'], look: frames },
      ...resident,
      ...idsOf(ids, 'mmu').map((mmu) => ({
        reads: [mmu],
        look: (sight: LawSight): string | null => {
          const tables = contextOf<MmuContext>(sight, mmu);
          return tables.current === null ? tableFramesFault(tables) : null;
        },
      })),
    ],
  };
}

function tablesAgree(ids: readonly string[]): WorldProperty {
  return {
    name: 'tables-agree',
    kind: 'always',
    says: 'The native table of an address space at rest is what its Linux table says.',
    reads: (owner) => owner.startsWith('mmu:'),
    inspections: idsOf(ids, 'mmu').map((mmu) => ({
      reads: [mmu],
      look: (sight: LawSight): string | null => {
        const tables = contextOf<MmuContext>(sight, mmu);
        if (tables.current !== null || tables.native === null) return null;
        return nativeFault(tables, tables.native, undefined, UNCOUNTED);
      },
    })),
  };
}

/** Entries that are there name frames that somebody has; a table says so whether it is at rest or not. */
function noFrameFreedInUse(ids: readonly string[]): WorldProperty {
  return {
    name: 'no-frame-freed-in-use',
    kind: 'always',
    says: 'No frame is free while a page table maps it or somebody has it pinned.',
    reads: (owner) => owner === 'zone' || owner.startsWith('mmu:') || owner.startsWith('gup:'),
    inspections: idsOf(ids, 'mmu').map((mmu) => ({
      reads: [mmu, 'zone'],
      look: (sight: LawSight): string | null => {
        const { linux } = contextOf<MmuContext>(sight, mmu);
        const { folios, buddy } = contextOf<ZoneContext>(sight, 'zone');
        const { base, count } = buddy;
        let fault: string | null = null;
        linux.forEach(0, 2 ** linux.geometry.vaBits, (va, pte) => {
          if (fault !== null || !isPresent(pte) || hasFlags(pte, PTE.SPECIAL)) return;
          const pfn = pfnOf(pte);
          if (pfn < base || pfn >= base + count || folios.headOf(pfn) !== null) return;
          fault = `${mmu} maps frame ${pfn} at 0x${va.toString(16)}, which is free`;
        });
        return fault;
      },
    })),
  };
}

function pinLaws(ids: readonly string[]): WorldProperty {
  const holders = idsOf(ids, 'gup');
  return {
    name: 'pins-hold',
    kind: 'always',
    says: "Every pin that a folio counts is somebody's, no pinned page is shared copy-on-write, and nobody reads a table that is free.",
    reads: (owner) => owner === 'zone' || owner.startsWith('mmu:') || owner.startsWith('gup:'),
    inspections: [
      { reads: ['zone', ...idsOf(ids, 'mmu'), ...holders], look: (sight) => new PinLaws(sight, holders).fault() },
    ],
    step: { to: ['zone'], fault: copyOfPinned(holders) },
  };
}

/** A write must not take a process to a copy of a page that is pinned. */
function copyOfPinned(holders: readonly string[]): NonNullable<WorldProperty['step']>['fault'] {
  return (sight, { sent: { channel, content } }) => {
    if (content.message.type !== 'COPY_ON_WRITE') return null;
    return new PinLaws(sight, holders).checkCopy({ payload: content.message, from: channel.from });
  };
}

function sizesAgree(ids: readonly string[]): WorldProperty {
  return {
    name: 'page-sizes-agree',
    kind: 'always',
    says: "A process's calls are judged by the page size of its memory, and by no other.",
    reads: (owner) => owner === 'abi' || owner.startsWith('mm:'),
    inspections: [{ reads: ['abi', ...idsOf(ids, 'mm')], look: sizeFault }],
  };
}

/** Where conversions of files are modelled: what is mapped is what is cached. */
function mappedIsCached(ids: readonly string[]): WorldProperty {
  const ofPair = (file: string, pid: string) => ({
    reads: [file, `mm:${pid}`, `mmu:${pid}`],
    look: (sight: LawSight): string | null => {
      const pages = contextOf<FileContext>(sight, file);
      if (pages.resources.design.conversion === undefined) return null;
      const mm = contextOf<MmContext>(sight, `mm:${pid}`);
      return mappedFault(pages, mm, contextOf<MmuContext>(sight, `mmu:${pid}`));
    },
  });
  return {
    name: 'mapped-is-cached',
    kind: 'always',
    says: 'Who maps a page of a file maps the folio that the page cache has there, while nobody is about to change either.',
    reads: (owner) => owner.startsWith('file:') || owner.startsWith('mm:') || owner.startsWith('mmu:'),
    inspections: idsOf(ids, 'file').flatMap((file) => idsOf(ids, 'mm').map((mm) => ofPair(file, pidOf(mm)))),
  };
}

function faultsEnd(ids: readonly string[]): WorldProperty {
  return {
    name: 'faults-end',
    kind: 'always',
    says: 'No fault on a file, and no conversion of one, is sent round more often than its order can rise.',
    reads: (owner) => owner.startsWith('file:'),
    inspections: idsOf(ids, 'file').map((file) => ({
      reads: [file],
      look: (sight) => roundsFault(contextOf<FileContext>(sight, file)),
    })),
  };
}

function noInvariantBroken(): WorldProperty {
  return {
    name: 'no-invariant-broken',
    kind: 'always',
    says: 'No actor meets a message or a state that it takes for impossible.',
    // What an actor does with a message follows from its own state: no order between others matters.
    reads: () => false,
    onFailure: ({ message }) => message,
  };
}

function lawsOfDefinitions(ids: readonly string[], catalogue: Catalogue, standIns: StandIns): WorldProperty {
  const check = customLaws(catalogue, standIns);
  const withLaws = [...catalogue.actors.values()].filter(({ laws }) => laws.length > 0);
  const kinds = new Set(withLaws.map(({ kind, replaces }) => replaces ?? kind));
  return {
    name: 'laws-of-definitions',
    kind: 'always',
    says: 'What definitions say of their own actors holds.',
    inspections: ids
      .filter((id) => kinds.has(id.split(':', 1)[0] ?? ''))
      .map((to) => ({ look: (sight: LawSight) => check({ to }, sight) })),
  };
}

/** What waits for ever, where nothing can happen any more. */
function noLostWakeUp(): WorldProperty {
  return {
    name: 'no-lost-wake-up',
    kind: 'at-end',
    says: 'Where nothing more can happen, every process that began has ended, and nobody is in the middle of anything.',
    whole: (sight, { failure }) => {
      if (failure !== null) return null;
      for (const id of sight.actors) {
        const { context, value } = sight.snapshot(id);
        if (id.startsWith('process:') && value !== 'zombie' && value !== 'new' && value !== 'stopped')
          return `${id} waits for ever in ${JSON.stringify(value)}`;
        if (id.startsWith('mm:') && (context as MmContext).job !== null) return `${id} waits for ever in a job`;
        if (id.startsWith('mmu:') && (context as MmuContext).current !== null)
          return `${id} waits for ever in ${(context as MmuContext).current?.type}`;
      }
      return null;
    },
  };
}

/** What of a topology says which properties there are. */
type About = Pick<Topology, 'conversion' | 'nativeTables' | 'selection'>;

/** A property, and the kinds whose contexts it reads. */
interface OfKinds {
  readonly property: WorldProperty;
  readonly kinds: readonly ActorKind[];
  /** False where it says nothing, since what it is about is not in the system. */
  readonly applies?: boolean;
}

function allProperties(
  ids: readonly string[],
  { conversion, nativeTables, selection }: About,
  catalogue: Catalogue,
  standIns: StandIns,
): OfKinds[] {
  const ofDefinitions = lawsOfDefinitions(ids, catalogue, standIns);
  return [
    { property: noStaleTranslation(ids), kinds: ['tlb', 'mmu', 'sched'] },
    { property: breakBeforeMake(ids), kinds: ['mmu'] },
    { property: noLostDirtyData(ids), kinds: ['mmu'] },
    { property: noFrameFreedInUse(ids), kinds: ['mmu', 'zone'] },
    { property: accountingConserved(ids), kinds: ['mmu', 'mm', 'zone'] },
    { property: tablesAgree(ids), kinds: ['mmu'] },
    { property: pinLaws(ids), kinds: ['mmu', 'zone', 'gup'], applies: idsOf(ids, 'gup').length > 0 },
    { property: sizesAgree(ids), kinds: ['abi', 'mm'], applies: selection !== undefined },
    { property: mappedIsCached(ids), kinds: ['file', 'mm', 'mmu'], applies: conversion !== undefined },
    { property: faultsEnd(ids), kinds: ['file'], applies: conversion !== undefined },
    { property: fallbackKeeps(ids), kinds: ['mmu'], applies: nativeTables },
    { property: noInvariantBroken(), kinds: [] },
    { property: ofDefinitions, kinds: [], applies: (ofDefinitions.inspections ?? []).length > 0 },
    { property: noLostWakeUp(), kinds: ['process', 'mm', 'mmu'] },
  ];
}

/** Properties, and those that cannot be looked at, with the reasons. */
export interface BuiltInProperties {
  readonly properties: readonly WorldProperty[];
  readonly leftOut: readonly string[];
}

/**
 * Granule's own properties for a system of these actors. Those are left out that read the state of a kind for which an actor stands in
 * that shows none.
 *
 * @example
 * ```ts
 * const topology = parseTopology({ name: 'one', processes: [{ pid: 1, trace: 'made', pageSize: '4K' }] }, 'example');
 * builtInProperties([{ id: 'zone', machine: machines.zone }], topology, builtIns).leftOut; // []
 * ```
 */
export function builtInProperties(
  actors: readonly ActorSpec[],
  topology: About,
  catalogue: Catalogue,
): BuiltInProperties {
  const ids = actors.map(({ id }) => id);
  const standIns = new Map(actors.flatMap(({ standIn }) => (standIn === undefined ? [] : [[standIn.kind, standIn]])));
  const properties: WorldProperty[] = [];
  const leftOut: string[] = [];
  for (const { property, kinds, applies = true } of allProperties(ids, topology, catalogue, standIns)) {
    if (!applies) {
      // It can be asked for all the same: it holds, and reads nobody.
      const { name, kind, says } = property;
      properties.push({ name, kind, says, reads: () => false, isVacuous: true });
      continue;
    }
    const hidden = kinds
      .map((kind) => standIns.get(kind))
      .find((each) => each !== undefined && each.shows !== 'context');
    if (hidden === undefined) properties.push(property);
    else leftOut.push(`${property.name}: ${hidden.by} has no context of a ${hidden.kind}`);
  }
  return { properties, leftOut };
}
