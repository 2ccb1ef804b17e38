/** What a search may take at most, and what it takes when nothing is said. */

/** Ids of states are held in 32-bit integers, and one table of all of them is one allocation of some gigabytes. */
export const STATES_MAX = 2 ** 27;

/** As much as a gigabyte holds of what a search keeps of a state, with room for the states that wait. */
export const STATES_DEFAULT = 10_000_000;

/** Which of its actions led to a state is held in 16 bits. */
export const ACTIONS_MAX = 2 ** 16;

/** Longer ways are no longer read by anybody, and a walk that has no end has to be ended. */
export const WALK_STEPS_DEFAULT = 10_000;

/** As many walks as a first look needs; a budget says more. */
export const WALKS_DEFAULT = 1000;

/** Most findings of real systems need two preemptions or fewer (Musuvathi and Qadeer, PLDI 2007). */
export const PREEMPTIONS_DEFAULT = 2;

/** Most faults of order are of depth three or less (Burckhardt et al., ASPLOS 2010, section 4). */
export const CHANGE_POINTS_DEFAULT = 2;

/** Owners that a reduction tells apart: one bit each of an integer. Those beyond count as one. */
export const OWNER_CLASSES_MAX = 31;

/** Properties `eventually` in one model: one bit each of an integer. */
export const EVENTUALLY_MAX = 31;

/** Transitions between two looks at the clock or at the caller: a few milliseconds of work. */
export const TRANSITIONS_BETWEEN_LOOKS = 20_000;

/** Transitions between two looks of a thread at whether another has nothing to do: below a millisecond of a fast model. */
export const TRANSITIONS_BETWEEN_GIFTS = 2000;

/** Walks that a thread is given at once: enough that handing them out costs nothing. */
export const WALKS_A_TASK = 50;
