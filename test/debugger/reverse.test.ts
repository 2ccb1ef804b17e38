/** What is seen going back is what was seen going on, in the other order. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { lineOf } from '../../src/debugger/commands.ts';
import { textOf } from '../../src/debugger/said.ts';
import type { Session } from '../../src/debugger/session.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import { debugged } from './golden.ts';

const LOGS = ['true-mixed', 'true-random', 'format-2'];

/** The moment, what is told of it, and the state of every actor that the event before and the event after it touch. */
function seen(session: Session, told: string): string {
  const { seq, reader, view, startSeq } = session;
  const touched = [seq, seq + 1].filter((at) => at > startSeq && at <= reader.lastSeq).map((at) => reader.read(at).to);
  const states = touched.map((actor) => JSON.stringify(plainState(view.snapshot(actor, seq))));
  return `${seq} ${createHash('sha256').update(states.join('\n')).update(told).digest('hex')}`;
}

function told(session: Session, line: string): string {
  return textOf(lineOf(session, line));
}

describe.each(LOGS)('stepping back through the whole of %s', (name) => {
  it('visits exactly the states that stepping on visits, backwards', () => {
    const onward = debugged(name);
    const forwards = [seen(onward, told(onward, 'where'))];
    while (onward.seq < onward.reader.lastSeq) forwards.push(seen(onward, told(onward, 'step')));
    expect(forwards).toHaveLength(onward.reader.records + 1);

    const back = debugged(name);
    const backwards = [seen(back, told(back, 'goto end'))];
    while (back.seq > back.startSeq) backwards.push(seen(back, told(back, 'reverse-step')));
    expect(backwards.reverse()).toEqual(forwards);
  }, 120_000);

  it('visits with each actor the same events backwards as on', () => {
    const session = debugged(name);
    for (const { id, count } of session.reader.actors()) {
      told(session, 'goto start');
      const on: number[] = [];
      for (let left = count; left > 0; left--) {
        told(session, `next ${id}`);
        on.push(session.seq);
      }
      told(session, 'goto end');
      const back: number[] = session.reader.read(session.seq).to === id ? [session.seq] : [];
      while (back.length < count) {
        told(session, `reverse-next ${id}`);
        back.push(session.seq);
      }
      expect(back.reverse(), id).toEqual(on);
      expect(new Set(on).size, id).toBe(count);
    }
  }, 120_000);

  it('stops at the same events backwards as on', () => {
    const session = debugged(name);
    for (const line of ['break FAULT', 'watch mm:1.rssAnonPages', 'break SYSCALL preceded by RAN within 3 events']) {
      told(session, line);
    }
    told(session, 'goto start');
    const stops = (line: string): number[] => {
      const found: number[] = [];
      for (;;) {
        told(session, line);
        if (session.seq === session.reader.lastSeq || session.seq === session.startSeq) return found;
        found.push(session.seq);
      }
    };
    const on = stops('continue');
    const back = stops('reverse-continue');
    expect(back.reverse()).toEqual(on);
    expect(on.length).toBeGreaterThan(20);
  }, 120_000);

  it('comes back from an effect to the event whose effect it is', () => {
    const session = debugged(name);
    told(session, 'set changes off');
    let found = 0;
    for (const type of ['FAULT', 'ALLOC', 'WALK', 'GET_PAGES', 'SET_PTES']) {
      for (const { seq } of [...session.reader.byType(type)].slice(0, 12)) {
        told(session, `goto ${seq}`);
        if (/never is again|nothing comes/.test(told(session, 'finish'))) continue;
        told(session, 'reverse-finish');
        // Several events can have one effect: it leads back to the one nearest to it.
        const effect = session.history.visited.at(-2) ?? -1;
        expect(session.seq, `${type} ${seq}`).toBeGreaterThanOrEqual(seq);
        told(session, 'finish');
        expect(session.seq, `${type} ${seq}`).toBe(effect);
        found += 1;
      }
    }
    expect(found).toBeGreaterThan(30);
  }, 120_000);
});
