/** Definitions that are in order: a network card that reads memory through an SMMU. Topologies that use them may not be. */
import { defineActor, defineMessage, z } from 'granule';

const dma = defineMessage('DMA', {
  says: 'A device reads memory of a process.',
  fields: z.strictObject({ iova: z.int(), lengthBytes: z.int() }),
});
const dmaDone = defineMessage('DMA_DONE', { says: 'Whose DMA is over.', fields: z.strictObject({ pages: z.int() }) });
const ring = defineMessage('RING', { says: 'The doorbell of a device.', fields: z.strictObject({ times: z.int() }) });
const same = (state) => state;

export const smmu = defineActor({
  kind: 'smmu',
  says: 'Walks the tables of one process for one device.',
  messages: [dma, dmaDone],
  accepts: ['DMA', 'WALKED'],
  ports: {
    tables: { to: 'mmu', sends: ['PAGEWALK'] },
    device: { to: 'nic', sends: ['DMA_DONE'] },
  },
  input: z.strictObject({ streams: z.int().min(1).default(1) }),
  transition: {
    initial: ({ id }) => ({ id, asked: 0 }),
    on: {
      DMA: (state, { iova, lengthBytes }, send) => {
        const { id: sender, asked: request } = state;
        send('tables', { type: 'PAGEWALK', sender, request, startVa: iova, endVa: iova + lengthBytes });
        return { ...state, asked: request + 1 };
      },
      WALKED: (state, { runs }, send) => {
        send('device', { type: 'DMA_DONE', pages: runs.reduce((sum, { nr }) => sum + nr, 0) }, { delayCycles: 100 });
        return state;
      },
    },
  },
});

export const nic = defineActor({
  kind: 'nic',
  says: 'A network card.',
  messages: [dma, dmaDone, ring],
  accepts: ['RING', 'DMA_DONE'],
  ports: { memory: { to: 'smmu', sends: ['DMA'], exclusive: true } },
  transition: {
    initial: () => ({ pages: 0 }),
    on: {
      RING: (state, { times }, send) => {
        for (let time = 0; time < times; time++) send('memory', { type: 'DMA', iova: 0x200000000, lengthBytes: 65536 });
        return state;
      },
      DMA_DONE: (state, { pages }) => ({ pages: state.pages + pages }),
    },
  },
});

export const deaf = defineActor({
  kind: 'deaf',
  says: 'Asks for tables, and does not hear the answer.',
  messages: [ring],
  accepts: ['RING'],
  ports: { tables: { to: 'mmu', sends: ['PAGEWALK'] } },
  transition: { initial: () => ({}), on: { RING: same } },
});

export const halfDisk = defineActor({
  kind: 'half-disk',
  says: 'A disk that only reads.',
  replaces: 'disk',
  sends: ['IO_DONE'],
  accepts: ['READ_BLOCKS'],
  transition: { initial: () => ({}), on: { READ_BLOCKS: same } },
});
