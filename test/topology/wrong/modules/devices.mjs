/** Definitions that are in order; the topologies that use them are not. */
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
  transition: { initial: () => ({}), on: { DMA: same, WALKED: same } },
});

export const nic = defineActor({
  kind: 'nic',
  says: 'A network card.',
  messages: [dma, dmaDone, ring],
  accepts: ['RING', 'DMA_DONE'],
  ports: { memory: { to: 'smmu', sends: ['DMA'], exclusive: true } },
  transition: { initial: () => ({}), on: { RING: same, DMA_DONE: same } },
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
  accepts: ['READ_BLOCKS'],
  transition: { initial: () => ({}), on: { READ_BLOCKS: same } },
});
