import { createMachine } from 'xstate';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { openRecording } from '../../../src/library/recording.ts';
import { run } from '../../../src/library/run.ts';
import { replay } from '../../../src/library/timeline.ts';
import { memoryStorage } from '../../../src/log/storage.ts';
import { catalogueOf } from '../../../src/topology/definitions/catalogue.ts';
import type { ActorDefinition, PlacedActor } from '../../../src/topology/definitions/actorTypes.ts';
import { defineActor } from '../../../src/topology/definitions/defineActor.ts';
import { defineMessage } from '../../../src/topology/definitions/defineMessage.ts';
import type { TopologyOptions } from '../../../src/topology/definitions/defineTopology.ts';
import { refusalOf } from '../../support/refusal.ts';
import { asker, askerMachine, pairOf, ping, poke, pong, squarer } from './support.ts';

/** A place without its ports, which the types refuse and plain JavaScript does not. */
const unbound = (definition: ActorDefinition, id: string): PlacedActor => definition.at(id);

const POKE = [{ atCycles: 5, by: 3 }];
const echo = { initial: () => ({ n: 0 }), on: { POKE: (state: { n: number }) => state } };
/** A definition with one field changed: types would stop most of these, and plain JavaScript has none. */
const withField = (change: object) => () =>
  defineActor({
    kind: 'echo',
    says: 'Says it again.',
    messages: [poke],
    accepts: ['POKE'],
    transition: echo,
    ...change,
  } as never);

describe('defineMessage refuses, and says what to do', () => {
  const fields = z.strictObject({});
  it.each<[string, () => unknown, string]>([
    ['a name in small letters', () => defineMessage('poke', { says: 'x', fields }), 'written in capitals'],
    ['a version of 0', () => defineMessage('POKE', { says: 'x', fields, version: 0 }), 'a version is 1 or more'],
    ['a missing upcaster', () => defineMessage('POKE', { says: 'x', fields, version: 2 }), 'needs 1 upcasters'],
    ['no sentence', () => defineMessage('POKE', { says: '', fields }), 'no sentence'],
    ['fields that are no schema', () => defineMessage('POKE', { says: 'x', fields: {} as never }), 'no schema'],
  ])('%s', (_what, work, text) => {
    expect(refusalOf(work)).toMatch(/^DEFINITION_INVALID: /);
    expect(refusalOf(work)).toContain(text);
  });
});

describe('defineActor refuses, and says what to do', () => {
  it.each<[string, () => unknown, string]>([
    ['a kind in capitals', withField({ kind: 'Echo' }), 'written in small letters'],
    ["granule's own kind", withField({ kind: 'zone' }), "say replaces: 'zone'"],
    ['a kind to replace that is not there', withField({ replaces: 'buddy' }), 'there is no built-in kind "buddy"'],
    ['no sentence', withField({ says: '' }), 'no sentence'],
    ['a message made by hand', withField({ messages: [{ type: 'POKE' }] }), 'not made by defineMessage'],
    ['a message named twice', withField({ messages: [poke, poke] }), 'POKE is named twice'],
    [
      "a message of granule's own",
      withField({ messages: [poke, defineMessage('WALK', { says: 'x', fields: z.strictObject({}) })] }),
      'WALK is a message that granule has',
    ],
    ['a message that is not there', withField({ accepts: ['POKE', 'NUDGE'] }), 'there is no message NUDGE'],
    ['a type accepted twice', withField({ accepts: ['POKE', 'POKE'] }), 'POKE is named twice'],
    ['a type without a handler', withField({ messages: [poke, ping], accepts: ['POKE', 'PING'] }), 'no handler for it'],
    [
      'a handler of what it does not accept',
      withField({ transition: { ...echo, on: { ...echo.on, PING: echo.on.POKE } } }),
      'does not accept it',
    ],
    [
      'a first state that is not given',
      withField({ transition: { on: echo.on } }),
      'no function that gives its first state',
    ],
    ['no behaviour', withField({ transition: undefined }), 'neither a machine nor a transition'],
    ['a port named self', withField({ ports: { self: { to: 'echo', sends: ['POKE'] } } }), 'needs no port'],
    ['a port that leads nowhere', withField({ ports: { out: { to: [], sends: ['POKE'] } } }), 'leads nowhere'],
    [
      'a port to a kind that cannot take it',
      withField({ ports: { out: { to: 'disk', sends: ['POKE'] } } }),
      'a disk cannot take POKE',
    ],
    [
      'a port with a message that is not there',
      withField({ ports: { out: { to: 'echo', sends: ['NUDGE'] } } }),
      'there is no message NUDGE',
    ],
    ['a timer that it does not accept', withField({ timers: ['PING'] }), 'PING is named here'],
    ['a stand-in that takes nothing of the kind', withField({ replaces: 'disk' }), 'it takes none of them'],
  ])('%s', (_what, work, text) => {
    expect(refusalOf(work)).toMatch(/^DEFINITION_INVALID: /);
    expect(refusalOf(work)).toContain(text);
  });

  it('a machine that has no transition for what is accepted, when it is built', () => {
    const deaf = defineActor({
      kind: 'deaf',
      says: 'Hears nothing.',
      messages: [poke],
      accepts: ['POKE'],
      outside: ['POKE'],
      machine: createMachine({ id: 'deaf', on: { OTHER: {} } }),
    });
    expect(refusalOf(() => run(pairOf(deaf, [], { actors: [deaf.at('deaf')] })))).toContain('has no transition for it');
  });
});

describe('a topology is refused before it runs', () => {
  const built = (change: Partial<TopologyOptions>) => () => run(pairOf(asker, POKE, change));
  const place = asker.at('asker:a', { ports: { other: 'squarer:b' } });
  const answerer = squarer.at('squarer:b');
  const owned = defineActor({
    kind: 'owner',
    says: 'Owns a squarer.',
    messages: [poke, ping, pong],
    accepts: ['POKE'],
    outside: ['POKE'],
    ports: { device: { to: 'squarer', sends: ['PING'], exclusive: true } },
    transition: echo,
  });
  const walker = defineActor({
    kind: 'walker',
    says: 'Asks for tables and does not hear the answer.',
    messages: [poke],
    accepts: ['POKE'],
    outside: ['POKE'],
    ports: { tables: { to: 'mmu', sends: ['PAGEWALK'] } },
    transition: echo,
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'a kind that nobody defines',
      built({ actors: [{ id: 'squarrer:b' }, place] }),
      /^DEFINITION_MISSING: no definition is of the kind "squarrer".*actors\.0\.id/,
    ],
    [
      "an actor of granule's own kind",
      built({ actors: [{ id: 'disk:2' }, place, answerer] }),
      /^TOPOLOGY_INVALID: disk:2 is of granule's own kind/,
    ],
    [
      'an id given twice',
      built({ actors: [place, answerer, answerer] }),
      /^TOPOLOGY_OWNER: two actors have the id squarer:b/,
    ],
    [
      'a port that is not bound',
      built({ actors: [unbound(asker, 'asker:a'), answerer] }),
      /^TOPOLOGY_PORT: the port other of asker:a is not bound; it leads to a squarer.*actors\.0\.ports\.other/,
    ],
    [
      'a port bound to nobody',
      built({ actors: [asker.at('asker:a', { ports: { other: 'squarer:c' } }), answerer] }),
      /^TOPOLOGY_ACTOR_UNKNOWN: the port other of asker:a leads to squarer:c/,
    ],
    [
      'a port bound to another kind',
      built({ actors: [asker.at('asker:a', { ports: { other: 'mmu:1' } }), answerer] }),
      /^TOPOLOGY_PORT: .* leads to a squarer, and mmu:1 is a mmu/,
    ],
    [
      'a port that the definition does not have',
      built({ actors: [{ id: 'asker:a', ports: { othr: 'squarer:b' } }, answerer] }),
      /^TOPOLOGY_PORT: a asker has no port othr; it has other/,
    ],
    [
      'an input that the schema refuses',
      built({ actors: [{ ...place, input: { start: 'x' } }, answerer] }),
      /^TOPOLOGY_INVALID: start: .*actors\.0\.input/,
    ],
    [
      'an input for who is told nothing',
      built({ actors: [place, { id: 'squarer:b', input: 3 }] }),
      /^TOPOLOGY_INVALID: a squarer is told nothing/,
    ],
    [
      'a message that nobody sends',
      built({ messages: [] }),
      /^TOPOLOGY_OPEN: asker:a accepts POKE, which nobody here sends to it/,
    ],
    [
      'an answer by message to nobody',
      () => run(pairOf(asker, [], { actors: [answerer], messages: [] })),
      /^TOPOLOGY_PORT: squarer:b sends PONG to a asker or /,
    ],
    [
      'a question whose answer is not accepted',
      () => run(pairOf(walker, [], { actors: [walker.at('walker', { ports: { tables: 'mmu:1' } })] })),
      /^TOPOLOGY_NO_TAKER: walker sends PAGEWALK, and does not accept WALKED/,
    ],
    [
      'two owners of one device',
      () => {
        const bound = { ports: { device: 'squarer:b' } };
        return run(
          pairOf(owned, [], {
            actors: [owned.at('owner:a', bound), owned.at('owner:b', bound), place, answerer],
            messages: [{ to: 'asker:a', type: 'POKE', by: 1 }],
          }),
        );
      },
      /^TOPOLOGY_OWNER: owner:b and owner:a are both bound to squarer:b by the port device/,
    ],
    [
      'a message from outside with wrong fields',
      built({ messages: [{ to: 'asker:a', type: 'POKE', by: 'x' }] }),
      /^TOPOLOGY_INVALID: outside sends POKE to asker:a: by: /,
    ],
    [
      'a message from outside to who cannot take it',
      built({
        messages: [
          { to: 'squarer:b', type: 'POKE', by: 1 },
          { to: 'asker:a', type: 'POKE', by: 1 },
        ],
      }),
      /^TOPOLOGY_NO_TAKER: outside sends POKE to squarer:b/,
    ],
    [
      'a stand-in for a kind it is not for',
      built({ replace: { disk: asker as never } }),
      /^TOPOLOGY_PORT: asker stands in for no built-in kind, not for disk/,
    ],
    [
      'a stand-in that nobody defines',
      built({ replace: { disk: 'fast-disk' } }),
      /^DEFINITION_MISSING: no definition is of the kind "fast-disk"/,
    ],
  ])('%s', (_what, work, expected) => {
    expect(refusalOf(work)).toMatch(expected);
  });

  it('two definitions of one kind, and two of one message', () => {
    const twin = defineActor({
      kind: 'asker',
      says: 'Another.',
      messages: [poke],
      accepts: ['POKE'],
      transition: echo,
    });
    expect(refusalOf(() => catalogueOf([asker, twin]))).toMatch(
      /^TOPOLOGY_OWNER: two definitions are of the kind asker/,
    );
    const other = defineMessage('POKE', { says: 'Another.', fields: z.strictObject({}) });
    expect(refusalOf(() => catalogueOf([asker, other]))).toMatch(
      /^TOPOLOGY_OWNER: two definitions are of the message POKE/,
    );
  });
});

describe('a run ends where an actor breaks its word', () => {
  const liar = (message: object, to: string) =>
    defineActor({
      kind: 'liar',
      says: 'Sends what it should not.',
      messages: [poke, ping, pong],
      accepts: ['POKE', 'PONG'],
      ports: {
        other: { to: 'squarer', sends: ['PING'] },
      },
      outside: ['PONG'],
      transition: {
        initial: () => ({ n: 0 }),
        on: {
          POKE: (state, _poke, send) => {
            (send as (port: string, message: object, options: object) => void)('other', message, { to });
            return state;
          },
          PONG: (state) => state,
        },
      },
    });
  it.each<[string, object, string, RegExp]>([
    [
      'what no port says',
      { type: 'PONG', n: 1 },
      'asker:z',
      /^MESSAGE_UNDECLARED: liar:a sends PONG to asker:z, and no port of liar says so/,
    ],
    [
      'by a port to another actor than it is bound to',
      { type: 'PING', sender: 'liar:a', n: 1 },
      'squarer:z',
      /^MESSAGE_UNDECLARED/,
    ],
    [
      'fields that the message does not have',
      { type: 'PING', sender: 'liar:a', n: 'one' },
      'squarer:b',
      /^MESSAGE_INVALID: liar:a sends PING to squarer:b: n: /,
    ],
  ])('sending %s; the log holds the event that did it, and replays to the same end', (_what, message, to, expected) => {
    const definition = liar(message, to);
    const storage = memoryStorage();
    const pair = pairOf(definition, POKE, {
      actors: [
        definition.at('liar:a', { ports: { other: 'squarer:b' } }),
        { id: 'squarer:b' },
        asker.at('asker:c', { ports: { other: 'squarer:b' } }),
      ],
      definitions: [definition, squarer, asker],
      messages: [
        { to: 'liar:a', type: 'POKE', atCycles: 5, by: 1 },
        { to: 'asker:c', type: 'POKE', atCycles: 9, by: 1 },
      ],
    });
    expect(refusalOf(() => run(pair, { storage }))).toMatch(expected);
    const opened = openRecording(storage, { definitions: pair.definitions });
    expect(opened.log.read(opened.log.lastSeq).type).toBe('POKE');
    const replayed = replay(opened);
    expect(replayed.divergence).toBeNull();
    expect(replayed.failure?.format()).toMatch(expected);
  });

  it('giving a state that lost a field', () => {
    const forgetful = defineActor({
      kind: 'forgetful',
      says: 'Forgets.',
      messages: [poke],
      accepts: ['POKE'],
      outside: ['POKE'],
      transition: { initial: () => ({ a: 1, b: 2 }) as { a: number; b?: number }, on: { POKE: () => ({ a: 1 }) } },
    });
    const pair = pairOf(forgetful, POKE, { actors: [forgetful.at('forgetful:a')] });
    expect(refusalOf(() => run(pair))).toMatch(/^ACTOR_THREW: forgetful:a threw .* without the field b/);
  });
});

it('an askerMachine is refused like any other', () => {
  expect(
    refusalOf(() => run(pairOf(askerMachine, POKE, { actors: [unbound(askerMachine, 'asker-machine:a')] }))),
  ).toMatch(/^TOPOLOGY_PORT/);
});
