import { describe, expect, it } from 'vitest';
import { acceptedBy, machines, sentBy } from '../../machines/index.ts';
import { run } from '../../src/library/run.ts';
import { replay, timeline } from '../../src/library/timeline.ts';
import { runText } from '../../src/report/runText.ts';
import { overviewText, stateText } from '../../src/report/stateText.ts';
import { plainState } from '../../src/timeline/recordedRun.ts';
import type { ActorDefinition } from '../../src/topology/definitions/actorTypes.ts';
import { defineActor } from '../../src/topology/definitions/defineActor.ts';
import { checked, definitionIn, small, standing, summaryOf } from './support.ts';

/** Granule's own TLB, disk or zone under another name. */
function again(kind: 'tlb' | 'disk' | 'zone', shows?: 'context'): ActorDefinition {
  return defineActor({
    kind: `own-${kind}`,
    says: 'The same again.',
    replaces: kind,
    accepts: acceptedBy(kind),
    sends: sentBy(kind),
    machine: machines[kind],
    ...(shows === undefined ? {} : { shows }),
  });
}

const standIn = (kind: 'tlb' | 'disk' | 'zone', shows?: 'context') =>
  checked(small({ replace: { [kind]: `own-${kind}` } }, [again(kind, shows)]));

/** An instant disk that tells its figures. */
const instant = defineActor({
  kind: 'instant-disk',
  says: 'Answers at once.',
  replaces: 'disk',
  accepts: ['READ_BLOCKS', 'WRITE_BLOCKS'],
  sends: ['IO_DONE'],
  shows: ({ readBytes, reads }) => ({ reads, writes: 0, readBytes, writtenBytes: 0 }),
  transition: {
    initial: () => ({ reads: 0, readBytes: 0 }),
    on: {
      READ_BLOCKS: ({ reads, readBytes }, { file, request, lengthBytes }, send) => {
        send('builtIn', { type: 'IO_DONE', request }, { to: file });
        return { reads: reads + 1, readBytes: readBytes + lengthBytes };
      },
      WRITE_BLOCKS: (state, { file, request }, send) => {
        send('builtIn', { type: 'IO_DONE', request }, { to: file });
        return state;
      },
    },
  },
});

describe('a stand-in that shows nothing', () => {
  it('is left alone by reports, which say so', () => {
    const summary = summaryOf(standIn('zone'));
    expect(summary.memory).toEqual({
      pageBytes: null,
      totalPages: null,
      freePages: null,
      freePagesLeast: null,
      failures: null,
    });
    const text = runText(summary, 100);
    expect(text).toContain('memory: -, - free, at least - were; - allocations failed');
    expect(text).toContain('own-zone stands in for zone, and shows no figures');
  });

  it('leaves out the laws that would read it, with the reason of each, and no other', () => {
    expect(standIn('zone').lawsLeftOut).toEqual([
      'frames are free or in one folio: own-zone shows no figures of a zone',
    ]);
    expect(standIn('tlb').lawsLeftOut).toEqual(['no TLB contradicts the table: own-tlb shows no figures of a tlb']);
    expect(standIn('disk').lawsLeftOut).toEqual([]);
  });

  it('is no gap in a log: it is replayed, and its states are compared as the plain data that they are', () => {
    expect(replay(standIn('zone')).divergence).toBe(null);
  });
});

describe('a stand-in that shows figures', () => {
  it('has them in the report and at a glance, and its own state in full', () => {
    const made = checked(small({ replace: { disk: 'instant-disk' } }, [instant]));
    const built = run(small());
    expect(made.timeCycles).toBeLessThan(built.timeCycles);
    expect(summaryOf(made).disk).toEqual(summaryOf(built).disk);
    const states = timeline(made).states(made.log.lastSeq);
    expect(overviewText(states)).toMatch(/^disk +running +instant-disk: reads \d+, writes 0/m);
    const disk = timeline(made).state('disk', made.log.lastSeq);
    expect(stateText(disk, { rows: 10 })).toContain('disk (instant-disk in its place)');
  });
});

describe('a stand-in that shows the context of its kind', () => {
  it('is read as the kind is, and every law is looked at', () => {
    for (const kind of ['tlb', 'disk', 'zone'] as const) {
      const made = standIn(kind, 'context');
      const { standIns, ...summary } = summaryOf(made);
      expect(standIns).toEqual([{ kind, by: `own-${kind}`, shows: 'context' }]);
      expect(summary).toEqual(summaryOf(run(small())));
      expect(made.lawsLeftOut).toEqual([]);
    }
  });

  it('has the context of the kind made again of what a checkpoint holds', async () => {
    const made = run(await standing('uaccess-across-4k', { tlb: 'own-tlb' }, [again('tlb', 'context')]));
    const { lastSeq } = made.log;
    expect(replay(made)).toMatchObject({ divergence: null, checkpoints: 2 });
    expect(timeline(made).state('tlb:0', lastSeq).context).toEqual(plainState(made.system.snapshot('tlb:0')).context);
  });
});

describe('a stand-in that breaks a law', () => {
  /** A definition of the fixtures with one handler changed. */
  async function spoilt(name: 'coalescing-tlb' | 'best-fit-zone', on: object): Promise<ActorDefinition> {
    const definition = await definitionIn(name);
    const { kind, says, replaces, accepts, sends, input, revive, laws, logic, shows } = definition;
    const whole = { kind, says, replaces, accepts, sends, input, revive: revive ?? undefined, laws, shows };
    const { initial, on: handlers } = logic as unknown as { initial: unknown; on: object };
    return defineActor({ ...whole, transition: { initial, on: { ...handlers, ...on } } } as never);
  }
  const brokenBy = async (kind: 'tlb' | 'zone', definition: ActorDefinition) => {
    const program = [
      { op: 'mmap', addr: '0x300000000', lengthBytes: '128K', flags: 'PRIVATE|ANONYMOUS|FIXED' },
      { op: 'store', addr: '0x300000000', lengthBytes: '128K' },
      { op: 'mprotect', addr: '0x300000000', lengthBytes: '128K', prot: 'r' },
      { op: 'load', addr: '0x300000000', lengthBytes: '128K' },
      { op: 'load', addr: '0x400000', lengthBytes: '64K' },
    ];
    const processes = [{ pid: 1, pageSize: '4K', program }];
    const replace = { [kind]: definition.kind };
    return checked(small({ files: [], processes, replace }, [definition]));
  };
  type Tlb = { cpu: number };
  type Send = (port: 'builtIn', message: object, options: object) => void;

  it('is caught by its figures: a TLB that keeps what maintenance names, a zone that loses count', async () => {
    const deaf = await spoilt('coalescing-tlb', {
      TLBI: (state: Tlb, { mmu }: { mmu: string }, send: Send) => {
        send('builtIn', { type: 'TLBI_DONE', cpu: state.cpu, dropped: 0 }, { to: mmu });
        return state;
      },
    });
    await expect(brokenBy('tlb', deaf)).rejects.toThrow(/law 8.*tlb:0 has page/);
    const careless = await spoilt('best-fit-zone', {
      PUT: (state: { freePages: number }) => ({ ...state, freePages: state.freePages + 1 }),
    });
    await expect(brokenBy('zone', careless)).rejects.toThrow(/law 7/);
  });

  it('is caught by its own', async () => {
    const twice = await spoilt('best-fit-zone', {
      PUT: (state: { free: unknown[] }) => ({ ...state, free: [...state.free, ...state.free] }),
    });
    await expect(brokenBy('zone', twice)).rejects.toThrow(/extents are apart and in order/);
  });
});
