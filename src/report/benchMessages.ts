/** Messages a second: delivered and logged here, against the same machines under XState's own createActor. */
import { createActor, setup } from 'xstate';
import { machines, ResourceHolder } from '../../machines/index.ts';
import type { Message } from '../../machines/index.ts';
import { handle, type Send } from '../../machines/support.ts';
import { defaultCosts } from '../arch/costs.ts';
import { LogWriter } from '../log/logWriter.ts';
import { memoryStorage } from '../log/storage.ts';
import { zlibCompression } from '../log/zlib.node.ts';
import { createSystem } from '../runtime/system.ts';
import { atLeast, type BenchSize, median, medianRatio, millisecondsOf, type Yardstick } from './yardstick.ts';

const REACH = 10;
const MEMORY_BYTES = 2 ** 28;
const PAGE_BYTES = 4096;
const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });

interface ClientContext {
  left: number;
}

/** A machine that answers each message of one type with the next request, until it has made `left` of them. */
function clientMachine(answers: Message['type'], request: (event: Message, send: Send) => void) {
  return setup({
    types: { context: {} as ClientContext, events: {} as Message, input: {} as ClientContext },
    actions: {
      request: handle<ClientContext>((context, event, send) => {
        if (context.left === 0) return context;
        request(event, send);
        return { left: context.left - 1 };
      }),
    },
  }).createMachine({ id: 'client', context: ({ input }) => input, on: { [answers]: { actions: 'request' } } });
}

/** Reads one block after another. */
const reader = clientMachine('IO_DONE', (_event, send) =>
  send('disk', { type: 'READ_BLOCKS', file: 'client', request: 1, lengthBytes: PAGE_BYTES }),
);

/** Allocates a page, gives it back, and so on. */
const allocator = clientMachine('FRAMES', (event, send) => {
  const [pfn] = event.type === 'FRAMES' ? event.pfns : [];
  if (pfn !== undefined) send('zone', { type: 'PUT', runs: [{ pfn, nr: 1 }] });
  send('zone', {
    type: 'ALLOC',
    sender: 'client',
    request: 1,
    orderPages: 0,
    count: 1,
    purpose: 'anon',
    zero: false,
  });
});

/** One machine with its client, and the message that starts them. */
interface Duet {
  name: string;
  id: string;
  machine: typeof machines.disk | typeof machines.zone;
  input: { resources: ResourceHolder; kernelPageBytes: number; memoryBytes: number };
  client: ReturnType<typeof clientMachine>;
  first: Message;
}

const input = { resources, kernelPageBytes: PAGE_BYTES, memoryBytes: MEMORY_BYTES };
const DUETS: readonly Duet[] = [
  { name: 'disk', id: 'disk', machine: machines.disk, input, client: reader, first: { type: 'IO_DONE', request: 1 } },
  {
    name: 'zone',
    id: 'zone',
    machine: machines.zone,
    input,
    client: allocator,
    first: { type: 'FRAMES', request: 1, orderPages: 0, pfns: [] },
  },
];

/** Delivers and logs the messages here; their number. */
function deliverLogged({ id, machine, input: given, client, first }: Duet, rounds: number): number {
  const writer = new LogWriter(memoryStorage(), zlibCompression, {});
  const system = createSystem({
    actors: [
      { id, machine, input: given },
      { id: 'client', machine: client, input: { left: rounds } },
    ],
    onDelivery: (seq, timeCycles, envelope) => writer.takeDelivery(seq, timeCycles, envelope),
  });
  system.send('client', first);
  system.run();
  return writer.close().records;
}

/** The same under createActor: timers fire in order from a flat queue, so that nothing waits and nothing nests. */
function deliverByXState({ id, machine, input: given, client, first }: Duet, rounds: number): void {
  const due: (() => void)[] = [];
  const clock = { setTimeout: (fire: () => void) => due.push(fire), clearTimeout: () => undefined };
  const world = setup({ actors: { machine, client } }).createMachine({
    context: ({ spawn }) => {
      spawn('machine', { systemId: id, input: given });
      spawn('client', { systemId: 'client', input: { left: rounds } });
      return {};
    },
  });
  const actor = createActor(world, { clock }).start();
  actor.system.get('client').send(first);
  for (let at = 0; at < due.length; at++) due[at]?.();
  actor.stop();
}

/**
 * One yardstick for each machine that is driven both ways.
 *
 * @example
 * ```ts
 * const hostile = { bytes: 65536, accesses: 100, seed: 1 };
 * const few = { repeats: 1, warmUpMilliseconds: 0, traces: [], hostile };
 * const size = { ...few, messages: 100, events: 1, jumps: 1, accesses: 1, textCopies: 1 };
 * messageYardsticks(size).length; // 4
 * ```
 */
export function messageYardsticks(size: BenchSize): Yardstick[] {
  return DUETS.flatMap((duet) => {
    // Three messages make a round: a request, its end or release, and the answer.
    const rounds = Math.ceil(size.messages / 3);
    const rates: number[] = [];
    const value = medianRatio(
      size.repeats,
      () => {
        let messages = 0;
        const ours = millisecondsOf(() => {
          messages = deliverLogged(duet, rounds);
        });
        rates.push(messages / (ours / 1000));
        return [millisecondsOf(() => deliverByXState(duet, rounds)), ours] as const;
      },
      size.warmUpMilliseconds,
    );
    const name = `messages/s, delivered and logged, ${duet.name}`;
    return [
      { name, value, unit: "times XState's createActor", ...atLeast(value, REACH) },
      { name, value: median(rates.slice(-size.repeats)), unit: 'messages/s', reach: null, holds: null },
    ];
  });
}
