/** The SMMU of `fixtures/topologies/smmu.mjs`, written in TypeScript: messages and ports are held to their types as it is written. */
import { type ActorDefinition, defineActor, defineMessage, z } from 'granule';

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

interface SmmuState {
  id: string;
  granules: number[];
  timeoutCycles: number;
  walks: number;
  descriptorsRead: number;
  outstanding: readonly number[];
}

/** The actor; its own type says which messages it can take and send. */
export const smmu: ActorDefinition = defineActor({
  kind: 'smmu',
  says: 'Walks the page table of a process for a device, and is its mmu notifier.',
  messages,
  accepts: ['ATS_REQUEST', 'DEVICE_WALKED', 'MMU_INVALIDATE', 'ATC_INV_DONE', 'ATC_TIMEOUT'],
  timers: ['ATC_TIMEOUT'],
  ports: {
    tables: { to: 'mmu', sends: ['DEVICE_WALK', 'MMU_INVALIDATE_DONE'] },
    device: { to: 'nic', sends: ['ATS_COMPLETION', 'ATC_INV'] },
  },
  input: z.strictObject({ gran64K: z.boolean().default(true), timeoutCycles: z.int().default(200_000) }),
  transition: {
    initial: ({ id, input }): SmmuState => {
      const granules = input.gran64K ? [4096, 16384, 65536] : [4096, 16384];
      return { id, granules, timeoutCycles: input.timeoutCycles, walks: 0, descriptorsRead: 0, outstanding: [] };
    },
    on: {
      ATS_REQUEST: (state, { va, write }, send) => {
        const { id: sender, walks, granules } = state;
        send('tables', { type: 'DEVICE_WALK', sender, request: walks, va, write, granules });
        return { ...state, walks: walks + 1 };
      },
      DEVICE_WALKED: (state, { pid, va, found, pfn, pageBytes, write, levels }, send) => {
        send('device', { type: 'ATS_COMPLETION', pid, va, found, pfn, pageBytes, write });
        return { ...state, descriptorsRead: state.descriptorsRead + levels };
      },
      MMU_INVALIDATE: (state, { request: number, ranges: forgotten }, send) => {
        send('device', { type: 'ATC_INV', request: number, ranges: forgotten });
        send('self', { type: 'ATC_TIMEOUT', request: number }, { delayCycles: state.timeoutCycles });
        return { ...state, outstanding: [...state.outstanding, number] };
      },
      ATC_INV_DONE: (state, { request: number }, send) => {
        if (state.outstanding.includes(number)) send('tables', { type: 'MMU_INVALIDATE_DONE', request: number });
        return { ...state, outstanding: state.outstanding.filter((other) => other !== number) };
      },
      ATC_TIMEOUT: (state, { request: number }, send) => {
        if (state.outstanding.includes(number)) send('tables', { type: 'MMU_INVALIDATE_DONE', request: number });
        return { ...state, outstanding: state.outstanding.filter((other) => other !== number) };
      },
    },
  },
});
