/**
 * Counters that nobody acts on: they differ from way to way, and would make two states of one. Left out of fingerprints. A test holds
 * that they change no message, and no field but themselves: test/explore/world/counters.test.ts.
 */
import { kindOf } from '../../../machines/index.ts';
import { type IgnoredFields, NOTHING_IGNORED } from './hash.ts';
import type { Ignored } from './localStates.ts';

function fields(own: string, anywhere = ''): IgnoredFields {
  const namesIn = (text: string): ReadonlySet<string> => new Set(text.split(' ').filter((name) => name !== ''));
  return { own: namesIn(own), anywhere: namesIn(anywhere) };
}

/** Fields of contexts, by kind; behind them those that count at any depth. */
const ofKinds: ReadonlyMap<string, IgnoredFields> = new Map([
  ['process', fields('counts userCycles callsFailed quanta signalsHandled')],
  [
    'mm',
    fields(
      'minorFaults majorFaults rssPeakPages rssExitPages droppedPages rereadPages zeroedBytes copiedBytes fallbacks',
    ),
  ],
  [
    'mmu',
    fields(
      'operations walks flushes tlbiInstructions contpteFolds contpteUnfolds breaks spuriousFaults refusals ' +
        'linuxTableBytesPeak nativeTableBytesPeak',
    ),
  ],
  ['tlb', fields('maintained granuleSwitches', 'counts walks walkReads')],
  ['sched', fields('switches rollovers')],
  ['zone', fields('allocations failures freePagesLeast zeroedBytes mthp')],
  [
    'file',
    fields(
      'drops droppedPages rereadPages readPages writtenPages hits misses orphanedPages collapses copiedBytes refusedMaps ' +
        'existing zeroedBytes paddingBytes',
    ),
  ],
  ['disk', fields('reads writes readBytes writtenBytes')],
]);

/** Fields of messages that carry such counts on, by type. */
const ofMessages: ReadonlyMap<string, IgnoredFields> = new Map([
  ['RAN', fields('counts cycles')],
  ['SYSRET', fields('counts')],
  ['TLBI_DONE', fields('dropped')],
  ['MAPPED', fields('droppedPages')],
  ['PAGES', fields('rereadPages')],
]);

/** What fingerprints of granule's own kinds leave out. */
export const ignoredCounters: Ignored = {
  ofActor: (id) => ofKinds.get(kindOf(id) ?? '') ?? NOTHING_IGNORED,
  ofMessage: (type) => ofMessages.get(type) ?? NOTHING_IGNORED,
};

/** Leaves nothing out: where a program reads counters, as those under /proc, they are part of what it does. */
export const nothingIgnored: Ignored = {
  ofActor: () => NOTHING_IGNORED,
  ofMessage: () => NOTHING_IGNORED,
};
