/**
 * Which laws can be looked at where others stand in for built-in kinds. A law reads the contexts of some kinds, or the figures that
 * stand-ins of them show; one that cannot be read is left out, and the run says so.
 */
import type { ActorKind } from '../../machines/index.ts';
import type { StandIn } from '../runtime/standIn.ts';

/** The laws, one by one. */
export type LawName = 'frames' | 'tables' | 'resident' | 'translations' | 'pins' | 'page sizes';

interface LawNeeds {
  readonly says: string;
  /** Kinds whose context it reads. */
  readonly contexts: readonly ActorKind[];
  /** Kinds of which figures are enough. */
  readonly figures: readonly ActorKind[];
  /** It says nothing where there is no actor of this kind. */
  readonly where?: ActorKind;
}

const LAWS: Readonly<Record<LawName, LawNeeds>> = {
  frames: { says: 'frames are free or in one folio', contexts: [], figures: ['zone'] },
  tables: {
    says: 'the tables of a process agree and have their frames',
    contexts: ['mmu', 'mm', 'sched'],
    figures: [],
  },
  resident: { says: 'an mm counts the pages that its table has', contexts: ['mm', 'mmu'], figures: [] },
  translations: { says: 'no TLB contradicts the table', contexts: ['mmu', 'sched'], figures: ['tlb'] },
  pins: {
    says: 'folios count the pins that are held',
    contexts: ['gup', 'zone', 'mmu'],
    figures: [],
    where: 'gup',
  },
  'page sizes': { says: 'calls are judged by the page size of the memory', contexts: ['abi', 'mm'], figures: [] },
};

/** Stand-ins by the kind that they stand in for. */
export type StandIns = ReadonlyMap<ActorKind, StandIn>;

/** What of a law cannot be read; null where all of it can. */
function missing({ contexts, figures }: LawNeeds, standIns: StandIns): string | null {
  for (const kind of contexts) {
    const standIn = standIns.get(kind);
    if (standIn !== undefined && standIn.shows !== 'context') return `${standIn.by} has no context of a ${kind}`;
  }
  for (const kind of figures) {
    const standIn = standIns.get(kind);
    if (standIn?.shows === 'nothing') return `${standIn.by} shows no figures of a ${kind}`;
  }
  return null;
}

/**
 * The laws that cannot be looked at, with the reason of each; of those that say something where the kinds are that `kinds` names.
 *
 * @example
 * ```ts
 * const standIn: StandIn = { kind: 'zone', by: 'bump-zone', shows: 'nothing' };
 * lawsLeftOut(new Map([['zone', standIn]])).get('frames'); // 'frames are free or in one folio: bump-zone shows no figures of a zone'
 * lawsLeftOut(new Map()).size; // 0
 * ```
 */
export function lawsLeftOut(standIns: StandIns, kinds?: ReadonlySet<string>): ReadonlyMap<LawName, string> {
  const left = new Map<LawName, string>();
  for (const [name, needs] of Object.entries(LAWS)) {
    const speaks = needs.where === undefined || kinds === undefined || kinds.has(needs.where);
    const why = speaks ? missing(needs, standIns) : null;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of the table
    if (why !== null) left.set(name as LawName, `${needs.says}: ${why}`);
  }
  return left;
}
