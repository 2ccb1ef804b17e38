/** Another definition of a kind that devices.mjs defines too. */
import { defineActor, defineMessage, z } from 'granule';

const link = defineMessage('LINK', { says: 'The cable is in.', fields: z.strictObject({}) });

export const nic = defineActor({
  kind: 'nic',
  says: 'Another network card.',
  messages: [link],
  accepts: ['LINK'],
  outside: ['LINK'],
  transition: { initial: () => ({}), on: { LINK: (state) => state } },
});
