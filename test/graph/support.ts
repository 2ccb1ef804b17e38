/** Systems to draw: those that come with granule, and small ones with actors of one's own. */
import { defineTopology, type Runnable, run } from '../../src/index.ts';
import { readyTopology, type ReadyTopology } from '../../src/library/run.ts';
import { openTopology } from '../../src/node.ts';
import { type ActorGraph, actorGraph, type Folding, type GraphSource } from '../../src/report/graph/actorGraph.ts';
import { buildTopology } from '../../src/topology/build.ts';
import { defineActor } from '../../src/topology/definitions/defineActor.ts';
import { asker, pairOf, ping } from '../topology/definitions/support.ts';

/** A system that can be drawn, and run. */
export interface Drawable {
  readonly ready: ReadyTopology;
  readonly source: GraphSource;
}

/** Of a topology in code. */
export function drawable(runnable: Runnable): Drawable {
  const ready = readyTopology(runnable);
  const { topology, traces, catalogue } = ready;
  return { ready, source: { topology, catalogue, built: buildTopology(topology, traces, catalogue) } };
}

/** Of a topology that comes with granule. */
export async function drawableNamed(name: string): Promise<Drawable> {
  return drawable(await openTopology(name));
}

/** The graph of a topology that comes with granule. */
export async function graphNamed(name: string, folding: Folding = {}): Promise<ActorGraph> {
  return actorGraph((await drawableNamed(name)).source, folding);
}

/** What a run really sent: who, to whom, what. */
export function sentBy(ready: ReadyTopology): { from: string; to: string; type: string }[] {
  return Array.from(run(ready).log.range(), ({ from, to, type }) => ({ from, to, type }));
}

/** Two actors of one's own, of which one asks and the other answers whoever asked. */
export const pair = (): Drawable => drawable(pairOf(asker, [{ atCycles: 10, by: 3 }]));

/** A disk without queue, latency and arm. */
export const ramDisk = defineActor({
  kind: 'ram-disk',
  says: 'Answers at once.',
  replaces: 'disk',
  accepts: ['READ_BLOCKS', 'WRITE_BLOCKS', 'IO_DONE'],
  sends: ['IO_DONE'],
  ports: { done: { to: ['file', 'swap'], sends: ['IO_DONE'], bound: 'message' } },
  transition: {
    initial: () => ({ transfers: 0 }),
    on: {
      // What the built-in one tells itself, and this one never.
      IO_DONE: (state) => state,
      READ_BLOCKS: ({ transfers }, { file, request }, send) => {
        send('done', { type: 'IO_DONE', request }, { to: file });
        return { transfers: transfers + 1 };
      },
      WRITE_BLOCKS: ({ transfers }, { file, request }, send) => {
        send('done', { type: 'IO_DONE', request }, { to: file });
        return { transfers: transfers + 1 };
      },
    },
  },
});

/** A program that reads a file from it. */
export function withRamDisk(): Drawable {
  return drawable(
    defineTopology({
      name: 'a disk of our own',
      files: [{ path: '/data', size: '256K', kind: 'xfs' }],
      processes: [
        {
          pid: 1,
          pageSize: '64K',
          program: [
            { op: 'mmap', addr: '0x300000000', lengthBytes: '256K', flags: 'SHARED|FIXED', file: '/data' },
            { op: 'load', addr: '0x300000000', lengthBytes: '256K', strideBytes: '64K' },
          ],
        },
      ],
      replace: { disk: ramDisk },
    }),
  );
}

/** One whose timer is its own, and which several of its kind are. */
export const alarm = defineActor({
  kind: 'alarm',
  says: 'Pokes an asker, again and again.',
  messages: [ping],
  accepts: ['PING'],
  timers: ['PING'],
  outside: ['PING'],
  transition: {
    initial: ({ id }) => ({ id, left: 3 }),
    on: {
      PING: ({ id, left }, { n }, send) => {
        if (left > 0) send('self', { type: 'PING', sender: id, n }, { delayCycles: 100 });
        return { id, left: left - 1 };
      },
    },
  },
});

/** Three of them beside a program. */
export function threeAlarms(): Drawable {
  return drawable(
    defineTopology({
      name: 'three alarms',
      processes: [{ pid: 1, pageSize: '64K', program: [{ op: 'store', addr: '0x500000' }] }],
      actors: ['alarm:1', 'alarm:2', 'alarm:3'].map((id) => alarm.at(id as 'alarm:1')),
      messages: [{ to: 'alarm:1', type: 'PING', atCycles: 10, sender: 'alarm:1', n: 1 }],
    }),
  );
}
