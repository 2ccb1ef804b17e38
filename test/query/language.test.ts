import { describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { compileQuery, compileValue, oneEvent } from '../../src/query/query.ts';

const fault: LogRecord = {
  seq: 25,
  timeCycles: 3840,
  to: 'mm:200',
  from: 'mmu:200',
  cause: 23,
  type: 'FAULT',
  payload: {
    va: 0x7fff_1234_5000,
    access: 'write',
    nr: 16,
    native: true,
    gone: null,
    pfns: [7, 8],
    call: { op: 'mmap' },
  },
};
const names = { types: ['FAULT', 'FRAMES', 'smmuFault'], actors: ['mm:200', 'mm:100', 'zone'] };

function holdsFor(text: string): boolean {
  return compileQuery(text).matches(fault);
}

/** Code, place and words of what is thrown. */
function failure(text: string): { code: string; where: string; what: string } {
  try {
    compileQuery(text, names);
  } catch (error) {
    if (error instanceof GranuleError) return { code: error.code, where: error.where, what: error.message };
  }
  return { code: '', where: '', what: `nothing was wrong with ${text}` };
}

describe('a condition on one event', () => {
  it.each([
    'FAULT',
    "type == 'FAULT'",
    'type == FAULT && seq == 25',
    "to == 'mm:*' && from != zone",
    'to == mm:200',
    'to in [zone, mm:*]',
    'type not in (FRAMES, ALLOC)',
    'payload.va >= 0x7fff_0000_0000',
    'payload.va in 0x7fff00000000..0x7fff80000000',
    'payload.va not in 0..4K',
    'payload.va % 64K == 0x5000 && payload.va % 4K == 0',
    'payload.va & 0xffff == 20K',
    'payload.nr * 4K == 64K',
    'payload.nr - 1 == 3 * (2 + 3)',
    '-payload.nr < 0',
    'payload.native',
    '!payload.gone && payload.gone == null && payload.nothing == null',
    'payload.nothing != 3',
    'payload.pfns[1] == 8 && payload.pfns.length == 2',
    'payload.call.op == mmap',
    "payload.access =~ /^WR/i && type !~ 'x'",
    "payload.access == 'w*e'",
    'FRAMES || FAULT && payload.nr == 16',
    'timeCycles > 3_000 && cause == 23',
    'true',
  ])('holds: %s', (text) => expect(holdsFor(text)).toBe(true));

  it.each([
    'FRAMES',
    "to == 'tlb:*'",
    'payload.nothing > 3',
    'payload.nothing == payload.nothing',
    "payload.nr == '16'",
    "payload.nr < 'a'",
    '!payload.native',
    'payload.va & 0xfff',
    String.raw`payload.access == 'w\*e'`,
    '(FRAMES || FAULT) && payload.nr == 15',
    'false',
  ])('does not hold: %s', (text) => expect(holdsFor(text)).toBe(false));

  it('gives the values that print shows', () => {
    expect(compileValue('payload.va').value(fault)).toBe(0x7fff_1234_5000);
    expect(compileValue('payload.nr * 64K / 1M').value(fault)).toBe(1);
    expect(compileValue('payload.call').value(fault)).toEqual({ op: 'mmap' });
    expect(compileValue('payload.nothing + 1').value(fault)).toBe(undefined);
  });

  it('says whether it needs states, and whether one event decides', () => {
    expect(compileQuery('FAULT').needsState).toBe(false);
    expect(compileQuery('FAULT && context.brk > 0').needsState).toBe(true);
    expect(compileQuery('FAULT followed by changed(state.value)').needsState).toBe(true);
    expect(compileQuery("state('mm:200').value == 'idle'").isOneEvent).toBe(true);
    for (const text of ['FAULT preceded by FRAMES', 'first FAULT', 'count FAULT', 'nth 3 FAULT']) {
      expect(compileQuery(text).isOneEvent, text).toBe(false);
      expect(() => oneEvent(compileQuery(text)), text).toThrow('one event cannot decide');
    }
    expect(() => compileQuery('state.value == idle').matches(fault)).toThrow('states');
  });

  it('knows the types and receivers that it asks for', () => {
    expect(compileQuery('FAULT && to in [mm:1, mm:2]').pins).toEqual({ types: ['FAULT'], actors: ['mm:1', 'mm:2'] });
    expect(compileQuery('FAULT || FRAMES').pins).toEqual({ types: ['FAULT', 'FRAMES'], actors: null });
    expect(compileQuery('FAULT || to == zone').pins).toEqual({ types: null, actors: null });
    expect(compileQuery('!FAULT').pins).toEqual({ types: null, actors: null });
    expect(compileQuery('became(state(zone).context.free == 0)').pins.actors).toEqual(['zone']);
    expect(compileQuery('changed(state(from).value)').pins.actors).toBe(null);
  });
});

describe('what is wrong with a query', () => {
  it.each([
    ['', 1, 'the query is empty'],
    ['FAULT &&', 9, 'a value or a condition is missing'],
    ['FUALT', 1, 'did you mean FAULT?'],
    ['type == FUALT', 9, 'did you mean FAULT?'],
    ['tpye == FAULT', 1, 'did you mean type'],
    ['to == mm:20', 7, 'did you mean mm:200'],
    ["state('mm:20').value == idle", 7, 'there is no actor mm:20'],
    ['state(mm:*).value == idle', 7, 'one actor is asked for'],
    ['state.contxt.brk > 0', 1, 'did you mean context?'],
    ['va > 3', 1, 'payload.va'],
    ['seq = 3', 5, 'equality is written =='],
    ['FAULT and FRAMES', 7, '&& or || joins'],
    ['FAULT or FRAMES', 7, '&& or || joins'],
    ["to == 'mm", 7, 'the quote is not closed'],
    ['(FAULT', 7, 'the parenthesis is not closed'],
    ['(FAULT preceded by FRAMES)', 8, 'joins events'],
    ['FAULT && preceded by FRAMES', 10, 'stands behind a condition'],
    ['FAULT preceded FRAMES', 16, '"by" is missing'],
    ['FAULT not FRAMES', 11, 'behind "not" comes'],
    ['FAULT between FRAMES', 21, '"and" is missing'],
    ['FAULT preceded by FRAMES within 3 parsecs', 35, 'a distance is in cycles, events'],
    ['FAULT preceded by FRAMES where payload.pid == FAUL.payload.pid', 47, 'did you mean FAULT'],
    ['FAULT as f preceded by FRAMES where to == f.form', 44, 'did you mean from'],
    ['FAULT not preceded by FRAMES as y and followed by FAULT where to == y.to', 69, 'no event is named "y"'],
    ['FAULT as f preceded by FRAMES as f', 34, 'already'],
    ['payload.va =~ /(/', 15, 'no regular expression'],
    ['changed(payload.va)', 1, 'is about a state'],
    ['became(changed(context.brk))', 1, 'after and before'],
    ['payload.va in 3', 16, '".." is missing'],
    ['payload.va in [1, 2', 20, 'the list is not closed'],
    ['nth FAULT', 5, 'which one?'],
    ['first 0 FAULT', 7, 'counted from 1'],
    ['FAULT @ 3', 7, 'no part of a query'],
  ])('%s: column %i', (text, column, words) => {
    const { code, where, what } = failure(text);
    expect(code, what).toBe('QUERY_INVALID');
    expect(where).toMatch(new RegExp(`^column ${column}, `));
    expect(what).toContain(words);
  });

  it('knows types in small letters where the log has them', () => {
    expect(compileQuery('smmuFault', names).pins.types).toEqual(['smmuFault']);
  });
});
