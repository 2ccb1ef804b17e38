/** What no detector notices, with the reason of each: by name, or by the beginning of several names. */

/** Why a mutant survives. */
export type SurvivorKind =
  /** Nothing that the model can do differs. */
  | 'equivalent'
  /** Something differs that nothing of the kind is promised about: counts of events, cost. */
  | 'not promised'
  /** A hole: no property, oracle or test of the project sees it. */
  | 'hole';

/** One explanation. */
export interface Survivor {
  readonly kind: SurvivorKind;
  readonly why: string;
}

const ends = 'A range that wraps is not empty, and an empty one cannot wrap: only one of the two checks can hold.';

/** The explanations, by name. */
export const survivors: Readonly<Record<string, Survivor>> = {
  ...Object.fromEntries(
    [
      'madvise/3',
      'mseal/3',
      'msync/4',
      'mlock/1',
      'mlock2/2',
      'munlock/1',
      'mbind/7',
      'set_mempolicy_home_node/4',
      'set_vma_anon_name/3',
    ].map((row): [string, Survivor] => [`rule/${row}/later`, { kind: 'equivalent', why: ends }]),
  ),
  'rule/mincore/2/later': {
    kind: 'equivalent',
    why: 'The vector is counted in whole pages, rounded or not; a length that would wrap was refused before.',
  },
  'rule/mmap/5/later': {
    kind: 'equivalent',
    why: 'TASK_SIZE is whole pages, so a length is beyond it rounded or not; both refuse with ENOMEM.',
  },
  'rule/mmap/8/always': { kind: 'equivalent', why: 'A hint is rounded down before, so it is always aligned.' },
  'rule/mmap/late-1/later': { kind: 'equivalent', why: 'A mapping has one type: only one of the two can hold.' },
  'rule/munmap/1/later': {
    kind: 'equivalent',
    why: 'A length beyond user memory is refused rounded or not, with one errno.',
  },
  'rule/munmap/2/later': {
    kind: 'equivalent',
    why: 'A length that is not 0 rounds to 0 only past 2^64, which was refused before.',
  },
  ...Object.fromEntries(
    ['mprotect', 'pkey_mprotect'].flatMap((op): [string, Survivor][] => [
      [
        `rule/${op}/2/later`,
        { kind: 'equivalent', why: 'Length 0 rounds to 0 and any other to something, or is refused.' },
      ],
      [
        `rule/${op}/3/may-wrap`,
        { kind: 'equivalent', why: 'The next step refuses the length 0 that it then is, with the same errno.' },
      ],
      [
        `rule/${op}/4/may-be-empty`,
        { kind: 'equivalent', why: 'The step before refuses what would be rounded to 0, with the same errno.' },
      ],
    ]),
  ),
  ...Object.fromEntries(
    ['truncate', 'ftruncate'].map((op): [string, Survivor] => [
      `rule/${op}/0/later`,
      { kind: 'equivalent', why: 'A size is not negative and too large at once.' },
    ]),
  ),
  'maintenance/flush-after-access-flags': {
    kind: 'not promised',
    why: 'The entry has become more permissive: who keeps the old one faults once more and walks again. Only counts of walks differ.',
  },
  'maintenance/flush-after-drop-native': {
    kind: 'equivalent',
    why: 'The tables of the entries are freed with them, and that flushes the whole ASID.',
  },
  'maintenance/walks-of-moved-tables': {
    kind: 'not promised',
    why:
      'A move frees no table, so the partial walks that stay lead to' +
      ' tables that are there; Linux drops them since flush_tlb_range does.',
  },
  'maintenance/stale-walks': {
    kind: 'equivalent',
    why:
      'The answer to a walk and maintenance come from one MMU by one' +
      ' channel, in order: what arrives after maintenance was read after it.',
  },
  'maintenance/walks-see-the-gap': {
    kind: 'not promised',
    why: 'The fault handler finds the entry there and lets the walk go on, as Linux does; one fault more is counted.',
  },
  'maintenance/local-flush-at-regranule': {
    kind: 'hole',
    why:
      'The flush of the ASID follows by broadcast. Between the two a CPU may' +
      ' read an entry as one of smaller pages, and law 8 waits for the second.',
  },
  'tables/rebuild-contiguous': {
    kind: 'hole',
    why: 'Nothing reads contiguous bits of a Linux table beside a native one; no law forbids them there.',
  },
  'maintenance/flush-of-freed-tables': {
    kind: 'hole',
    why:
      'Law 8 would see a partial walk through the table that is gone, but no' +
      ' world of the detectors frees a table without clearing an entry of it.',
  },
  'maintenance/ttbr-flush': {
    kind: 'hole',
    why:
      'That a rollover asks for the flush is tested; that a CPU does it is not:' +
      ' in no world is a number given out again while a CPU has entries of it.',
  },
  'tables/rebuild-check': {
    kind: 'hole',
    why: 'The page that was torn is looked at before a return is tried, and no world tears two.',
  },
};
