/** A module that defines nothing. */
export const answer = 42;
