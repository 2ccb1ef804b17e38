/** What the vocabulary says of the messages of those who pin user memory. */
import type { VocabularyRow } from '../messages.ts';
import type { GupMessage } from './messages.ts';

/** The rows, by message type. */
export const gupVocabulary = {
  GUP_PIN: { version: 1, from: ['outside', 'abi'], to: ['gup'], says: 'pin_user_pages: take the pages of a range.' },
  GUP_UNPIN: {
    version: 1,
    from: ['outside', 'abi'],
    to: ['gup'],
    says: 'unpin_user_pages: give pages of a range back.',
  },
  GUP_DONE: { version: 1, from: ['gup'], to: ['abi'], says: 'How many pages were pinned or unpinned.' },
  READ_PROTECT_SEQ: {
    version: 1,
    from: ['gup'],
    to: ['mm'],
    says: 'Read `write_protect_seq`; pins are to come (MMF_HAS_PINNED).',
  },
  PROTECT_SEQ: { version: 1, from: ['mm'], to: ['gup'], says: 'It; odd while fork copies page tables.' },
  GUP_WALK: { version: 1, from: ['gup'], to: ['mmu'], says: 'One load of the lockless walk of the Linux table.' },
  GUP_ENTRY: { version: 1, from: ['mmu'], to: ['gup'], says: 'What the load saw.' },
  TRY_GRAB: {
    version: 1,
    from: ['gup', 'mm'],
    to: ['zone'],
    says: 'try_grab_folio: one pin and one reference more for each page.',
  },
  GRABBED: {
    version: 1,
    from: ['zone'],
    to: ['gup', 'mm'],
    says: 'They are taken, or a frame lies in no folio any more.',
  },
  UNPIN: {
    version: 1,
    from: ['gup', 'mm'],
    to: ['zone'],
    says: 'gup_put_folio: pins and their references go; the last reference frees the folio.',
  },
  UNPINNED: {
    version: 1,
    from: ['zone'],
    to: ['gup', 'mm', 'file', 'shmem'],
    says: 'They are given back; nobody has them any more.',
  },
  ALLOC_PINNABLE: {
    version: 1,
    from: ['mm'],
    to: ['zone'],
    says: 'A folio where pages may be pinned for long; answered as ALLOC is.',
  },
  WAIT_UNPINNED: {
    version: 1,
    from: ['file', 'shmem'],
    to: ['zone'],
    says: 'Tell when nobody has these pages pinned any more, as DAX waits for its pages (`fs/dax.c`).',
  },
} satisfies Record<GupMessage['type'], VocabularyRow>;
