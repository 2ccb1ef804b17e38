/** What tests and documents say of the classics alike. */

/** Walks within which each fault is found with seed 1. */
export const WALKS = 200;

/** Preemptions that are enough for each fault that is not a livelock. */
export const PREEMPTIONS = 2;

/** Steps of a walk: one that spins for longer is given up. */
export const STEPS = 200;
