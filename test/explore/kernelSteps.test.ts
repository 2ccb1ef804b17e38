/**
 * Kernel code executed one atomic step at a time: what each step does, and which law the smallest wrong program breaks.
 *
 * @models D-03 D-04 S-09
 */
import { describe, expect, it } from 'vitest';
import { run } from '../../src/library/run.ts';
import { replay } from '../../src/library/timeline.ts';
import { executed, machine, type MachineParts, type Step } from './support/kernelSteps.ts';

const word = async (parts: MachineParts, name = 'mm'): Promise<unknown> => {
  const { objects, broken } = await executed(parts);
  expect(broken).toBe(null);
  return objects[name]?.words;
};

/** A step that makes what a register holds visible. */
const show = (register: string): Step => ({ store: `mm.${register}`, value: `<${register}>` });

describe('one step', () => {
  it('reads, writes and exchanges values whose marks have no order', async () => {
    const program = [
      { store: 'mm.pte', value: 'valid *page' },
      { cmpxchg: 'mm.pte', old: '*page valid', value: '*page', into: 'first' },
      { cmpxchg: 'mm.pte', old: 'valid', value: '', into: 'second' },
      { xchg: 'mm.pte', value: '', into: 'third' },
      ...['first', 'second', 'third'].map(show),
    ];
    expect(await word({ objects: { mm: {}, page: {}, pages: { 0: '*page' } }, programs: [program] })).toEqual({
      pte: '',
      first: '*page valid',
      second: '*page',
      third: '*page',
    });
  });

  it('adds unless a word has a certain value, and sets marks only where others are there', async () => {
    const program = [
      { add: 'mm.refs', by: 1, unless: 0, into: 'taken' },
      { add: 'mm.none', by: 1, unless: 0, into: 'refused' },
      { set: 'mm.pte', value: 'dirty', needs: 'valid write', into: 'was' },
      { set: 'mm.gone', value: 'dirty', needs: 'valid', into: 'nothing' },
      ...['taken', 'refused'].map(show),
    ];
    const mm = { refs: 1, none: 0, pte: 'write valid', gone: '' };
    expect(await word({ objects: { mm }, programs: [program] })).toEqual({
      refs: 2,
      none: 0,
      pte: 'dirty valid write',
      gone: '',
      taken: 2,
      refused: '',
    });
  });

  it('jumps, names objects by registers and takes the steps of its own design alone', async () => {
    const program = [
      { alloc: 'table', words: { 0: 'valid' }, into: 'table' },
      { store: 'mm.pmd', value: '[table]' },
      { load: '[table].0', into: 'entry' },
      { if: 'entry', lacks: 'valid', go: 'end' },
      { store: '[table].0', value: '<entry> young' },
      { as: 'end', store: 'mm.none', value: '', only: 'another' },
      { as: 'end', let: 'entry', value: '' },
    ];
    const { objects, broken } = await executed({ objects: { mm: {} }, programs: [program] });
    expect(broken).toBe(null);
    expect(objects['mm']?.words).toEqual({ pmd: '*table-0-1' });
    expect(objects['table-0-1']?.words).toEqual({ 0: 'valid young' });
  });
});

describe('waiting', () => {
  it('gives a lock to one after the other', async () => {
    const { broken, objects } = await executed({
      objects: { mm: { count: 0 } },
      programs: [0, 1, 2].map((n) => [
        { lock: 'ptl' },
        { load: 'mm.holder', into: 'holder' },
        { expect: 'holder', is: '', says: 'nobody else is inside' },
        { store: 'mm.holder', value: `cpu${n}` },
        { add: 'mm.count', by: 1 },
        { store: 'mm.holder', value: '' },
        { unlock: 'ptl' },
      ]),
    });
    expect(broken).toBe(null);
    expect(objects['mm']?.words).toEqual({ count: 3, holder: '' });
  });

  it('tries a lock without waiting, and spins until a word is as wanted', async () => {
    const holder = [{ lock: 'ptl' }, { wait: 'mm.tried', is: 'yes' }, { unlock: 'ptl' }];
    const other = [{ trylock: 'ptl', into: 'got' }, show('got'), { store: 'mm.tried', value: 'yes' }];
    expect(await word({ objects: { mm: {} }, programs: [holder, other], begins: [0, 50] })).toEqual({
      got: '',
      tried: 'yes',
    });
  });

  const reader = (section: string): Step[] => [
    { enter: section },
    { load: 'mm.table', into: 'table' },
    { store: 'mm.reading', value: 'yes' },
    { wait: 'mm.waited', isnt: '' },
    { load: '[table].0', into: 'entry' },
    { leave: section },
  ];
  const freeing = (how: Step[]): Step[] => [
    { wait: 'mm.reading', is: 'yes' },
    { xchg: 'mm.table', value: '', into: 'table' },
    ...how,
    { store: 'mm.waited', value: 'yes' },
  ];
  const table = { mm: { table: '*table' }, table: { 0: 'valid' } };

  it.each(['rcu', 'irqs'])('frees by call_rcu only once a reader in a section of %s has left', async (section) => {
    const programs = [reader(section), freeing([{ call_rcu: '[table]' }])];
    const { objects, broken } = await executed({ objects: table, programs });
    expect([broken, objects['table']?.life]).toEqual([null, 'freed']);
  });

  it('frees at once what nobody is in a section for', async () => {
    const programs = [[{ xchg: 'mm.table', value: '', into: 'table' }, { call_rcu: '[table]' }, { load: 'table.0' }]];
    expect((await executed({ objects: table, programs })).broken?.law).toBe('no freed memory is touched');
  });

  it('waits by an IPI for interrupts off, and not for RCU readers', async () => {
    const waiting = (section: string, sync: string) =>
      executed({ objects: table, programs: [reader(section), [...freeing([{ sync }]), { kfree: '[table]' }]] });
    const never = await Promise.all([waiting('irqs', 'irqs'), waiting('irqs', 'rcu'), waiting('rcu', 'rcu')]);
    expect(never.map(({ broken }) => broken?.law)).toEqual(Array(3).fill('nobody waits for ever'));
    expect((await waiting('rcu', 'irqs')).broken?.law ?? 'nothing').not.toBe('nobody waits for ever');
  });
});

describe('translation', () => {
  const pages = { mm: { pte: '*page valid' }, pages: { 0: '*page' }, page: {} };
  const filled: Step[] = [
    { translate: 'va', into: 'miss' },
    { load: 'mm.pte', into: 'pte' },
    { fill: 'va', value: '<pte>' },
    { retire: 'access' },
    { store: 'mm.filled', value: 'yes' },
  ];
  const again = (until: string): Step[] => [
    { wait: `mm.${until}`, is: 'yes' },
    { translate: 'va', into: 'hit' },
    show('hit'),
    { retire: 'access' },
    { store: 'mm.seen', value: 'yes' },
  ];
  const flush: Step[] = [{ wait: 'mm.filled', is: 'yes' }, { store: 'mm.pte', value: '' }, { tlbi: 'va' }];

  it('may use an entry until the barrier is complete, and not after', async () => {
    const late = [...flush, { store: 'mm.sent', value: 'yes' }, { wait: 'mm.seen', is: 'yes' }, { dsb: 'ish' }];
    const early = [...flush, { dsb: 'ish' }, { store: 'mm.sent', value: 'yes' }];
    const hit = async (program: Step[]) => {
      const { objects, broken } = await executed({
        objects: pages,
        programs: [[...filled, ...again('sent')], program],
      });
      expect(broken).toBe(null);
      return objects['mm']?.words['hit'];
    };
    expect([await hit(late), await hit(early)]).toEqual(['*page valid', '']);
  });

  it('lets a barrier wait for accesses that have begun, and keeps nothing of what they find', async () => {
    const walking: Step[] = [
      { translate: 'va', into: 'miss' },
      { load: 'mm.pte', into: 'pte' },
      { store: 'mm.filled', value: 'yes' },
      { wait: 'mm.sent', is: 'yes' },
      { load: 'mm.complete', into: 'complete' },
      { expect: 'complete', is: '', says: 'the barrier is not complete yet' },
      { fill: 'va', value: '<pte>' },
      { retire: 'access' },
    ];
    const flushing = [
      ...flush,
      { store: 'mm.sent', value: 'yes' },
      { dsb: 'ish' },
      { store: 'mm.complete', value: 'yes' },
    ];
    const { broken, objects, tlbs } = await executed({ objects: pages, programs: [walking, flushing] });
    expect([broken, objects['mm']?.words['complete'], tlbs]).toEqual([null, 'yes', {}]);
  });
});

describe('a store buffer', () => {
  const buffered = (word: string): Step => ({ store: word, value: 'yes', buffered: true });

  it('lets loads overtake stores, so that each of two CPUs may see what was before', async () => {
    const side = (own: string, other: string, between: Step[]): Step[] => [
      buffered(`mm.${own}`),
      ...between,
      { load: `mm.${other}`, into: `saw${other}` },
      show(`saw${other}`),
    ];
    const seen = (between: Step[]): Promise<unknown> =>
      word({ objects: { mm: {} }, programs: [side('a', 'b', between), side('b', 'a', between)] });
    expect(await seen([])).toEqual({ a: 'yes', b: 'yes', sawa: '', sawb: '' });
    expect(await seen([{ dsb: 'ishst' }])).toEqual({ a: 'yes', b: 'yes', sawa: 'yes', sawb: 'yes' });
  });

  it('gives its own CPU what it holds, and is empty before any step that orders', async () => {
    const program = [
      buffered('mm.a'),
      { load: 'mm.a', into: 'own' },
      { expect: 'own', is: 'yes' },
      buffered('mm.b'),
      { xchg: 'mm.c', value: 'yes', into: 'old' },
    ];
    const other = [
      { wait: 'mm.c', is: 'yes' },
      { load: 'mm.b', into: 'b' },
      { expect: 'b', is: 'yes' },
    ];
    expect(await word({ objects: { mm: {} }, programs: [program, other] })).toEqual({ a: 'yes', b: 'yes', c: 'yes' });
  });

  it('keeps a TLBI from covering what is read before the store is complete', async () => {
    const access: Step[] = [
      { store: 'mm.begun', value: 'yes' },
      { translate: 'va', into: 'miss' },
      { load: 'mm.pte', into: 'pte' },
      { fill: 'va', value: '<pte>' },
      { retire: 'access' },
    ];
    const flush = (between: Step[]): Step[] => [
      { wait: 'mm.begun', is: 'yes' },
      { store: 'mm.pte', value: '', buffered: true },
      ...between,
      { tlbi: 'va' },
      { dsb: 'ish' },
    ];
    const objects = { mm: { pte: '*page valid' }, pages: { 0: '*page' }, page: {} };
    const kept = async (between: Step[]) =>
      (await executed({ objects, programs: [access, flush(between)] })).tlbs['cpu:0']?.map(({ value }) => value);
    expect(await kept([])).toEqual(['*page valid']);
    expect(await kept([{ dsb: 'ishst' }])).not.toEqual(['*page valid']);
  });
});

describe('the smallest wrong program', () => {
  const table = { mm: { pmd: '*table' }, table: { 0: '' } };
  const taken = { xchg: 'mm.pmd', value: '', into: 'old' };
  const cases: [string, MachineParts][] = [
    ['no freed memory is touched', { objects: table, programs: [[taken, { kfree: '[old]' }, { load: '[old].0' }]] }],
    ['nothing is freed that can be reached', { objects: table, programs: [[{ kfree: '*table' }]] }],
    ['nothing is freed twice', { objects: table, programs: [[taken, { kfree: '[old]' }, { call_rcu: '[old]' }]] }],
    [
      'no pointer is written over the only one to something else',
      {
        objects: table,
        programs: [
          [
            { alloc: 'table', into: 'new' },
            { store: 'mm.pmd', value: '[new]' },
          ],
        ],
      },
    ],
    ['nothing that is allocated is lost', { objects: table, programs: [[taken]] }],
    [
      'no TLB has two translations of one address',
      {
        programs: [
          [
            { fill: 'page', value: 'a' },
            { fill: 'group', value: 'b', covers: 'page next' },
          ],
        ],
      },
    ],
    ['nobody waits for ever', { objects: { mm: {} }, programs: [[{ wait: 'mm.pmd', is: 'never' }]] }],
    ['locks and sections are left as they were entered', { programs: [[{ lock: 'ptl' }]] }],
    ['locks and sections are left as they were entered', { programs: [[{ unlock: 'ptl' }]] }],
    ['locks and sections are left as they were entered', { programs: [[{ enter: 'rcu' }]] }],
    ['locks and sections are left as they were entered', { programs: [[{ leave: 'irqs' }]] }],
    [
      'what has to be so in the end is so',
      { objects: { mm: {} }, programs: [[]], finally: [{ word: 'mm.pmd', isnt: '', says: 'there is a table' }] },
    ],
    ['no null pointer is followed', { programs: [[{ load: '[nothing].0' }]] }],
    ['what a program expects is so', { programs: [[{ expect: 'nothing', is: 'something' }]] }],
    ['no program goes in a circle by itself', { programs: [[{ as: 'here', go: 'here' }]] }],
  ];
  it.each(cases)('breaks "%s"', async (law, parts) => {
    const { broken } = await executed(parts);
    expect(broken?.law).toBe(law);
  });

  it('is caught by the checked mode, and its log replays to the same end', async () => {
    const ready = await machine({ objects: table, programs: [[{ kfree: '*table' }]] });
    expect(() => run(ready, { checked: true })).toThrow(
      /"nothing is freed that can be reached" of memory .* mm\.pmd points/,
    );
    expect(replay(run(ready)).divergence).toBe(null);
  });
});

describe('what does not fit together is refused before anything runs:', () => {
  const refusals: [string, Step[], RegExp][] = [
    ['a step of two verbs', [{ load: 'mm.a', store: 'mm.b' }], /a step has one verb, this has load, store/],
    ['a step of none', [{ into: 'r' }], /a step has one verb, this has none/],
    ['a field that no step has', [{ load: 'mm.a', form: 'b' }], /form/],
    ['a label that is not there', [{ go: 'nowhere' }], /a step goes to "nowhere"/],
    ['a load that is buffered', [{ load: 'mm.a', buffered: true }], /a store alone is buffered/],
    [
      'a label twice',
      [
        { as: 'a', go: 'a' },
        { as: 'a', go: 'a' },
      ],
      /two steps of one design have the label "a"/,
    ],
    ['a name that nobody gives', [{ load: 'mm.{n}' }], /a step has \{n\}, which "names" does not give/],
  ];
  it.each(refusals)('%s', async (_, program, says) => {
    const ready = await machine({ programs: [program] });
    expect(() => run(ready)).toThrow(says);
  });
});
