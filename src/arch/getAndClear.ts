/**
 * How an entry is taken away from the Linux table and from the native one, where that is more than one step: between two of them
 * hardware may walk the native table and note an access or a write in it.
 *
 * @models D-02
 */

/**
 * - `native-first`: the native entry is exchanged for an invalid one, and what hardware had noted goes to the Linux entries; then
 *   those are taken away, then maintenance, then the frame goes. A walk in between faults, waits for the page-table lock, and
 *   finds nothing to do.
 * - `linux-first`: what hardware has noted is read, the Linux entries are taken away, and then the native one is overwritten.
 * - `read-then-clear`: native entry first, but read in one step and overwritten in the next (`ptep_get`, `pte_clear`).
 *
 * The last two lose a write that hardware notes between their steps.
 */
export type GetAndClear = 'native-first' | 'linux-first' | 'read-then-clear';

/** All of them, the safe one first. */
export const GET_AND_CLEAR: readonly GetAndClear[] = ['native-first', 'linux-first', 'read-then-clear'];
