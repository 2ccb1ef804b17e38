/** What goes between the system-call boundary and a pipe. */

/** Every message of pipes. */
export type PipeMessage =
  /** `request` is the pid of the caller. */
  | { type: 'SPLICE'; request: number; file: string; offsetBytes: number; lengthBytes: number }
  | { type: 'DRAIN'; request: number; lengthBytes: number }
  | { type: 'PIPE_DONE'; request: number; doneBytes: number; errno: number };
