/** The SMMU of `fixtures/topologies/smmu.mjs`, written in TypeScript: messages and ports are held to their types as it is written. */
import { type ActorDefinition, defineActor, defineMessage, type MessagesWith, type SendBy, z } from 'granule';

const request = z.int();
const asked = { va: z.int(), write: z.boolean() };
const page = { ...asked, pid: z.int(), found: z.boolean(), pfn: z.int(), pageBytes: z.int() };
const ranges = z.array(z.strictObject({ startVa: z.int(), endVa: z.int() }));

const messages = [
  defineMessage('DMA', { says: 'Touch this.', fields: z.strictObject({ ...asked, lengthBytes: z.int() }) }),
  defineMessage('ATS_REQUEST', { says: 'Translate this address.', fields: z.strictObject(asked) }),
  defineMessage('ATS_COMPLETION', { says: 'The page, if there is one.', fields: z.strictObject(page) }),
  defineMessage('ATC_INV', { says: 'Forget these addresses.', fields: z.strictObject({ request, ranges }) }),
  defineMessage('ATC_INV_DONE', { says: 'They are forgotten.', fields: z.strictObject({ request }) }),
  defineMessage('ATC_TIMEOUT', { says: 'It has not answered.', fields: z.strictObject({ request }) }),
] as const;

const ports = {
  tables: { to: 'mmu', sends: ['DEVICE_WALK', 'MMU_INVALIDATE_DONE'] },
  device: { to: 'nic', sends: ['ATS_COMPLETION', 'ATC_INV'], exclusive: true },
} as const;

interface SmmuState {
  id: string;
  granules: number[];
  timeoutCycles: number;
  walks: number;
  walkedAgain: number;
  descriptorsRead: number;
  timeouts: number;
  walking: readonly { request: number; va: number; write: boolean }[];
  stale: number;
  outstanding: readonly number[];
}

type Known = MessagesWith<typeof messages>;
type Send = SendBy<typeof ports, Known, Extract<Known, { type: 'ATC_TIMEOUT' }>>;

function walk(state: SmmuState, { va, write }: { va: number; write: boolean }, send: Send): SmmuState {
  const { id: sender, walks: number, granules, walking } = state;
  send('tables', { type: 'DEVICE_WALK', sender, request: number, va, write, granules });
  return { ...state, walks: number + 1, walking: [...walking, { request: number, va, write }] };
}

function over(state: SmmuState, message: { request: number }, send: Send): SmmuState {
  if (!state.outstanding.includes(message.request)) return state;
  send('tables', { type: 'MMU_INVALIDATE_DONE', request: message.request });
  return { ...state, outstanding: state.outstanding.filter((other) => other !== message.request) };
}

/** The actor; its own type says which messages it can take and send. */
export const smmu: ActorDefinition = defineActor({
  kind: 'smmu',
  says: 'Walks the page table of a process for a device, and is its mmu notifier.',
  messages,
  accepts: ['ATS_REQUEST', 'DEVICE_WALKED', 'MMU_INVALIDATE', 'ATC_INV_DONE', 'ATC_TIMEOUT'],
  timers: ['ATC_TIMEOUT'],
  ports,
  input: z.strictObject({ gran64K: z.boolean().default(true), timeoutCycles: z.int().default(200_000) }),
  transition: {
    initial: ({ id, input: { gran64K, timeoutCycles } }): SmmuState => {
      const granules = gran64K ? [4096, 16384, 65536] : [4096, 16384];
      const counts = { walks: 0, walkedAgain: 0, descriptorsRead: 0, timeouts: 0 };
      return { id, granules, timeoutCycles, ...counts, walking: [], stale: 0, outstanding: [] };
    },
    on: {
      ATS_REQUEST: walk,
      DEVICE_WALKED: (state, { request: number, pid, va, found, pfn, pageBytes, write, levels }, send) => {
        const first = state.walking.find((one) => one.request === number);
        const walking = state.walking.filter((one) => one !== first);
        const next = { ...state, walking, descriptorsRead: state.descriptorsRead + levels };
        if (number < state.stale && first !== undefined) {
          return walk({ ...next, walkedAgain: state.walkedAgain + 1 }, first, send);
        }
        send('device', { type: 'ATS_COMPLETION', pid, va, found, pfn, pageBytes, write });
        return next;
      },
      MMU_INVALIDATE: (state, { request: number, ranges: forgotten }, send) => {
        send('device', { type: 'ATC_INV', request: number, ranges: forgotten });
        const { timeoutCycles: delayCycles } = state;
        if (delayCycles > 0) send('self', { type: 'ATC_TIMEOUT', request: number }, { delayCycles });
        return { ...state, stale: state.walks, outstanding: [...state.outstanding, number] };
      },
      ATC_INV_DONE: over,
      ATC_TIMEOUT: (state, message, send) => {
        const late = state.outstanding.includes(message.request) ? 1 : 0;
        return over({ ...state, timeouts: state.timeouts + late }, message, send);
      },
    },
  },
});
