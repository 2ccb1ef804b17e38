/** Who says what about swap. */
import type { VocabularyRow } from '../messages.ts';
import { row } from '../vocabularyRow.ts';
import type { SwapMessage } from './messages.ts';

/**
 * The rows.
 *
 * @example
 * ```ts
 * swapVocabulary.SWAP_IN.to; // ['swap']
 * ```
 */
export const swapVocabulary = {
  ADD_TO_SWAP: row('kswapd', 'swap', 'add_to_swap: slots for these folios, and a place in the swap cache.'),
  SWAP_SLOTS: row('swap', 'kswapd', 'The slots.'),
  SWAP_WRITE: row('kswapd', 'swap', 'swap_writepage: write these folios to their slots.'),
  SWAP_WRITTEN: row('swap', 'kswapd', 'They are on the device.'),
  SWAP_DROP: row('kswapd', 'swap', '__remove_mapping: take them out of the swap cache, unless they are in use again.'),
  SWAP_DROPPED: row('swap', 'kswapd', 'Those that are out of it, and those that are not.'),
  SWAP_SPACE: row('swap', 'kswapd', 'The device was full, and has free slots again.'),
  SWAP_IN: row('mm', 'swap', 'do_swap_page: the pages of these slots, from the swap cache or the device.'),
  SWAP_AHEAD: row('mm', 'swap', 'read_swap_cache_async: MADV_WILLNEED of pages in these slots.'),
  SWAPPED_IN: row('swap', 'mm', 'The frames, each with a reference.'),
  SWAP_FREE: row(['mm', 'kswapd'], 'swap', 'swap_free: one entry less names each slot.'),
  SWAP_DUPLICATE: row('mm', 'swap', 'swap_duplicate: one entry more names each slot.'),
  SWAP_DUPLICATED: row('swap', 'mm', 'Counted.'),
  FREE_SWAP_CACHE: row(['mm', 'kswapd'], 'swap', 'free_swap_cache: these pages are mapped here no more.'),
  SWAP_RESIDENT: row('mm', 'swap', 'mincore: which of these slots have their page in the swap cache?'),
  SWAP_CACHED: row('swap', 'mm', 'Those.'),
} satisfies Record<SwapMessage['type'], VocabularyRow>;
