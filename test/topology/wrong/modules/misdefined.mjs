/** A module whose definition is refused: its port sends what a disk cannot take. */
import { defineActor, defineMessage, z } from 'granule';

const ring = defineMessage('RING', { says: 'The doorbell of a device.', fields: z.strictObject({}) });

export const bell = defineActor({
  kind: 'bell',
  says: 'Rings.',
  messages: [ring],
  accepts: ['RING'],
  ports: { out: { to: 'disk', sends: ['RING'] } },
  transition: { initial: () => ({}), on: { RING: (state) => state } },
});
