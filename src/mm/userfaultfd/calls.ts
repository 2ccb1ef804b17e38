/**
 * The calls of userfaultfd as a program makes them. A descriptor goes by a name, so that a monitor in another process can
 * use it as if it had been passed over a socket.
 *
 * @models L-08 X-05
 */

/** A range of the process that made the descriptor. `addr` left out: the page of the event that the caller read last. */
export interface UserfaultRange {
  fd: string;
  addr?: number;
  /** Left out: one page of the caller. */
  lengthBytes?: number;
}

/** One call. `addr` of COPY and MOVE is `dst`. */
export type UserfaultCall =
  | { op: 'userfaultfd'; fd: string; flags: number }
  /** read(2) of one event; the data are event, flags, address and, with THREAD_ID, the thread. */
  | { op: 'uffd_read'; fd: string }
  | { op: 'uffd_close'; fd: string }
  | { op: 'uffdio_api'; fd: string; api: number; features: number }
  | ({ op: 'uffdio_register'; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_unregister' } & UserfaultRange)
  | ({ op: 'uffdio_wake' } & UserfaultRange)
  | ({ op: 'uffdio_copy'; src: number; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_zeropage'; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_writeprotect'; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_continue'; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_poison'; mode: number } & UserfaultRange)
  | ({ op: 'uffdio_move'; src: number; mode: number } & UserfaultRange);

/** The calls that fill pages in: `mfill_atomic` and its modes. */
export type FillKind = 'copy' | 'zeropage' | 'continue' | 'poison';

/** What an mm does for a descriptor, once that has let the arguments pass. Ranges are whole pages of the descriptor. */
export type UserfaultMmCall =
  | { op: 'uffd_register'; fd: string; addr: number; lengthBytes: number; modes: number; features: number }
  | { op: 'uffd_unregister'; fd: string; addr: number; lengthBytes: number }
  | UserfaultFill
  | { op: 'uffd_protect'; fd: string; addr: number; lengthBytes: number; protect: boolean; wake: boolean }
  | UserfaultMove
  /** By way of the mm, so that it cannot overtake a fault that the mm has passed on before. */
  | { op: 'uffd_wake'; fd: string; addr: number; lengthBytes: number };

/** UFFDIO_COPY, ZEROPAGE, CONTINUE and POISON. */
export interface UserfaultFill {
  op: 'uffd_fill';
  fd: string;
  kind: FillKind;
  addr: number;
  lengthBytes: number;
  /** What is filled in at once: the descriptor's page. */
  unitBytes: number;
  writeProtect: boolean;
  wake: boolean;
  /** Of COPY: how much of the source could be read. */
  readableBytes: number;
}

/** UFFDIO_MOVE. */
export interface UserfaultMove {
  op: 'uffd_move';
  fd: string;
  addr: number;
  fromVa: number;
  lengthBytes: number;
  unitBytes: number;
  allowHoles: boolean;
  wake: boolean;
}

/** Any call that names a range. */
export type UserfaultRangeCall = Exclude<
  UserfaultCall,
  { op: 'userfaultfd' | 'uffd_read' | 'uffd_close' | 'uffdio_api' }
>;

/** A call whose range is known: what the rules are asked about. */
export type ResolvedUserfaultCall =
  | Exclude<UserfaultCall, UserfaultRangeCall>
  | (UserfaultRangeCall & { addr: number; lengthBytes: number });

const MM_CALLS: ReadonlySet<string> = new Set<UserfaultMmCall['op']>([
  'uffd_register',
  'uffd_unregister',
  'uffd_fill',
  'uffd_protect',
  'uffd_move',
  'uffd_wake',
]);

/**
 * Whether a call is what a descriptor asks of an mm.
 *
 * @example
 * ```ts
 * isUserfaultMmCall({ op: 'uffd_fill' }); // true
 * ```
 */
export function isUserfaultMmCall(call: { op: string }): call is UserfaultMmCall {
  return MM_CALLS.has(call.op);
}

const RANGED: ReadonlySet<string> = new Set<UserfaultRangeCall['op']>([
  'uffdio_register',
  'uffdio_unregister',
  'uffdio_wake',
  'uffdio_copy',
  'uffdio_zeropage',
  'uffdio_writeprotect',
  'uffdio_continue',
  'uffdio_poison',
  'uffdio_move',
]);

/**
 * Whether a call is one of userfaultfd's.
 *
 * @example
 * ```ts
 * isUserfaultCall({ op: 'uffdio_copy' }); // true
 * isUserfaultCall({ op: 'mmap' }); // false
 * ```
 */
export function isUserfaultCall(call: { op: string }): call is UserfaultCall {
  return RANGED.has(call.op) || ['userfaultfd', 'uffd_read', 'uffd_close', 'uffdio_api'].includes(call.op);
}

/**
 * Whether a call names a range.
 *
 * @example
 * ```ts
 * isRangeCall({ op: 'uffd_read', fd: 'u' }); // false
 * ```
 */
export function isRangeCall(call: UserfaultCall): call is UserfaultRangeCall {
  return RANGED.has(call.op);
}
