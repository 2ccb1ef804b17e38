/** What is said to move a process to other CPUs (`kernel/sched/core.c:__set_cpus_allowed_ptr`). */

/** The messages. */
export type AffinityMessage =
  /** sched_setaffinity: the CPUs that it may run on from here on. */
  | { type: 'SET_AFFINITY'; pid: number; cpus: number[] }
  /** It has this CPU, and may not keep it. */
  | { type: 'MIGRATE'; pid: number; cpu: number };
