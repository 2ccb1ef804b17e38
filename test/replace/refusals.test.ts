import { describe, expect, it } from 'vitest';
import { run } from '../../src/library/run.ts';
import { acceptedBy } from '../../machines/index.ts';
import type { ActorDefinition } from '../../src/topology/definitions/actorTypes.ts';
import { catalogueOf } from '../../src/topology/definitions/catalogue.ts';
import { defineActor } from '../../src/topology/definitions/defineActor.ts';
import { definePageCachePolicy } from '../../src/topology/definitions/definePageCachePolicy.ts';
import { systemOf } from '../../src/topology/run.ts';
import { definitionIn, small, standing } from './support.ts';
import { refusalOf } from '../support/refusal.ts';

const same = <S>(state: S): S => state;

/** A disk with one field changed: types would stop most of these, and plain JavaScript has none. */
const diskWith = (change: object) => () =>
  defineActor({
    kind: 'fast-disk',
    says: 'Answers at once.',
    replaces: 'disk',
    accepts: ['READ_BLOCKS', 'WRITE_BLOCKS', 'IO_DONE'],
    sends: ['IO_DONE'],
    transition: {
      initial: () => ({ reads: 0 }),
      on: { READ_BLOCKS: same, WRITE_BLOCKS: same, IO_DONE: same },
    },
    ...change,
  } as never);

describe('a stand-in is refused where it is defined', () => {
  it.each<[string, () => unknown, string]>([
    [
      'that does not say what it sends',
      diskWith({ sends: undefined }),
      'does not say what it sends in the place of a disk',
    ],
    ['that sends what its kind may not', diskWith({ sends: ['IO_DONE', 'FRAMES'] }), 'a disk may not send FRAMES'],
    ['that does not answer', diskWith({ sends: [] }), 'it takes READ_BLOCKS and does not send IO_DONE'],
    ['that takes nothing of its kind', diskWith({ accepts: ['START'] }), 'it takes none of them'],
    ['of a kind that is not there', diskWith({ replaces: 'ssd' }), 'there is no built-in kind "ssd"'],
    [
      'that shows figures of a kind without any',
      diskWith({ replaces: 'sched', accepts: ['READY'], sends: [], shows: () => ({}) }),
      'a sched has no figures',
    ],
    ['that shows something else', diskWith({ shows: 'figures' }), "it is 'context', or a function"],
    [
      'with a port named builtIn',
      diskWith({ ports: { builtIn: { to: 'file', sends: ['IO_DONE'] } } }),
      'ports.builtIn',
    ],
    [
      'that stands in for nothing and shows',
      diskWith({ replaces: undefined, sends: undefined, shows: 'context' }),
      'stands in for no kind',
    ],
    ['that stands in for nothing and sends', diskWith({ replaces: undefined }), 'what it sends is said by its ports'],
  ])('%s', (_what, work, text) => {
    expect(refusalOf(work)).toMatch(/^DEFINITION_INVALID: /);
    expect(refusalOf(work)).toContain(text);
  });
});

describe('a topology with a stand-in is refused before it runs', () => {
  const fast = diskWith({})() as ActorDefinition;
  const built =
    (change: Record<string, unknown>, definitions: readonly ActorDefinition[] = [fast]) =>
    () =>
      systemOf(small(change, definitions));

  it('one that lacks a message which somebody here may send, with who that is', () => {
    const lacking = diskWith({
      accepts: ['READ_BLOCKS', 'IO_DONE'],
      transition: { initial: () => ({}), on: { READ_BLOCKS: same, IO_DONE: same } },
    })() as ActorDefinition;
    const text = refusalOf(built({ replace: { disk: 'fast-disk' } }, [lacking]));
    expect(text).toBe(
      'TOPOLOGY_NO_TAKER: fast-disk stands in for disk and does not accept WRITE_BLOCKS (of file) (small: replace.disk). ' +
        'Let fast-disk take them, or leave out of the topology what sends them.',
    );
  });

  it('one that is not defined, or stands in for another kind, or for one that is not here', () => {
    expect(refusalOf(built({ replace: { disk: 'slow-disk' } }))).toContain('no definition is of the kind "slow-disk"');
    expect(refusalOf(built({ replace: { zone: 'fast-disk' } }))).toContain('stands in for disk, not for zone');
    const bare = { files: [], processes: [{ pid: 1, pageSize: '4K', program: [{ op: 'store', addr: '0x500000' }] }] };
    const pipe = defineActor({
      kind: 'own-pipe',
      says: 'Never here.',
      replaces: 'hugetlb',
      accepts: [...acceptedBy('hugetlb')],
      sends: [],
      transition: {
        initial: () => ({}),
        on: Object.fromEntries(acceptedBy('hugetlb').map((type) => [type, same])),
      } as never,
    });
    expect(refusalOf(built({ ...bare, replace: { hugetlb: 'own-pipe' } }, [pipe]))).toContain(
      'there is no hugetlb here',
    );
  });

  it('one that is placed among the actors, or told what it does not know', () => {
    expect(refusalOf(built({ actors: [{ id: 'fast-disk' }] }))).toContain('name it in "replace", not in "actors"');
    const told = { replace: { disk: { kind: 'fast-disk', input: { latency: 3 } } } };
    expect(refusalOf(built(told))).toContain('a fast-disk is told nothing');
  });

  it('one whose ports are not as defined', () => {
    const replace = { disk: { kind: 'fast-disk', ports: { back: 'file:/lib/a.so' } } };
    expect(refusalOf(built({ replace }))).toContain('a fast-disk has no port back');
  });

  it('those of fixtures/replacements where a topology asks for more than they do', async () => {
    const zone = await definitionIn('best-fit-zone');
    const refused = await standing('swap-64k', { zone: 'best-fit-zone' }, [zone]);
    expect(refusalOf(() => run(refused))).toMatch(/does not accept FOLIO_QUERY \(of .*\), ISOLATE \(of kswapd\)/);
  });
});

describe('what shows only when it runs ends the run, and says who did it', () => {
  it('a message that it does not say it sends, or to somebody whom its kind never writes to', () => {
    const stray = (to: string, type: string) =>
      diskWith({
        transition: {
          initial: () => ({}),
          on: {
            READ_BLOCKS: (state: object, { request }: { request: number }, send: (...of: unknown[]) => void) => {
              send('builtIn', { type, request }, { to });
              return state;
            },
            WRITE_BLOCKS: same,
            IO_DONE: same,
          },
        },
      })() as ActorDefinition;
    const refusal = (definition: ActorDefinition) =>
      refusalOf(() => run(small({ replace: { disk: 'fast-disk' } }, [definition])));
    expect(refusal(stray('file:/lib/a.so', 'GOT'))).toContain('disk sends GOT to file:/lib/a.so');
    expect(refusal(stray('zone', 'IO_DONE'))).toContain('disk sends IO_DONE to zone');
  });
});

describe('a page-cache policy is refused', () => {
  const own = { name: 'own', says: 'Never mind.', leastOrder: () => 0 };
  const policyWith = (change: object) => () => definePageCachePolicy({ ...own, ...change });
  it.each<[string, () => unknown, string]>([
    ['with a name in capitals', policyWith({ name: 'Own' }), 'written in small letters'],
    ["with one of granule's names", policyWith({ name: 'sticky-order' }), 'a policy that granule has'],
    ['without a sentence', policyWith({ says: '' }), 'no sentence'],
    ['without a least order', policyWith({ leastOrder: 4 }), 'leastOrder'],
    ['with a rule that is no function', policyWith({ atMap: 'keep' }), 'atMap'],
  ])('%s', (_what, work, text) => {
    expect(refusalOf(work)).toMatch(/^DEFINITION_INVALID: /);
    expect(refusalOf(work)).toContain(text);
  });

  it('where a topology names one that is not there, or two have one name', () => {
    const text = refusalOf(() => systemOf(small({ pageCache: 'both-at-once' })));
    expect(text).toContain('there is no page-cache policy "both-at-once"; there are drop-and-re-read');
    expect(refusalOf(() => catalogueOf([policyWith({})(), policyWith({})()]))).toContain(
      'two definitions are of the page-cache policy own',
    );
  });
});
