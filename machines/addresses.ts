/**
 * Addresses of the actors that are named by a number. Each is made once: a string made anew for each message would have to be
 * hashed again wherever it is looked up.
 */

/** The addresses of one kind, by number. */
function addresses(kind: string): (number: number) => string {
  const known = new Map<number, string>();
  return (number) => {
    let address = known.get(number);
    if (address === undefined) known.set(number, (address = interned(`${kind}:${number}`)));
    return address;
  };
}

/**
 * The one copy that engines keep of a string that is a key: two of them are equal when they are the same, and need no look at
 * their letters. To be used for strings that are looked up at each message.
 *
 * @example
 * ```ts
 * interned(`mm:${1}`); // 'mm:1'
 * ```
 */
export function interned(text: string): string {
  return Object.keys({ [text]: true })[0];
}

/**
 * The TLBs of a CPU.
 *
 * @example
 * ```ts
 * tlbOf(3); // 'tlb:3'
 * ```
 */
export const tlbOf: (cpu: number) => string = addresses('tlb');

/**
 * The mm of a process.
 *
 * @example
 * ```ts
 * mmOf(1); // 'mm:1'
 * ```
 */
export const mmOf: (pid: number) => string = addresses('mm');

/**
 * The MMU of a process.
 *
 * @example
 * ```ts
 * mmuOf(1); // 'mmu:1'
 * ```
 */
export const mmuOf: (pid: number) => string = addresses('mmu');

/**
 * A process.
 *
 * @example
 * ```ts
 * processOf(1); // 'process:1'
 * ```
 */
export const processOf: (pid: number) => string = addresses('process');

/**
 * A userfaultfd.
 *
 * @example
 * ```ts
 * uffdOf('monitor'); // 'uffd:monitor'
 * ```
 */
export function uffdOf(fd: string): string {
  return `uffd:${fd}`;
}
