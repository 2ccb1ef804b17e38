/**
 * How a program comes by its page size: what the proposal and those who built the inverse leave open, as named settings. The
 * defaults are the proposal's own: personality(), effective at the next execve; and what a kernel of the process's page size
 * does with a program that does not fit, which is to kill it.
 *
 * @models S-18 S-19 T-04 T-13
 */

/** Choices of the design. */
export interface SelectionSettings {
  kernelPageBytes: number;
  /** Bits of personality(2): what they select at the next execve; at once, which is the hazard; or nothing. */
  personality: 'next-exec' | 'at-once' | 'absent';
  /** A prctl that sets a preference of the calling thread, inherited, and one for the next execve alone. */
  prctl: boolean;
  /** What a file may say by itself: by a note, by being linked for a larger page than the kernel's, or nothing. */
  elf: 'note' | 'p-align' | 'absent';
  /** A page size given to clone3(2): for the child's next execve; for its memory at once; or no such argument. */
  clone: 'next-exec' | 'at-once' | 'absent';
  /** Whether execve of a set-user-ID program forgets what its caller selected. */
  setId: 'clear' | 'keep';
  /**
   * A program that cannot be loaded as it is at the size selected: it is killed, as a kernel of that page size does; refused
   * before the point of no return; loaded with merged rights and anonymous copies; or run in pages of the kernel.
   */
  misfit: 'kill' | 'refuse' | 'copy' | 'kernel-page';
}

/** The defaults, on a 4K kernel. */
export const defaultSelection: SelectionSettings = {
  kernelPageBytes: 4096,
  personality: 'next-exec',
  prctl: true,
  elf: 'note',
  clone: 'next-exec',
  setId: 'clear',
  misfit: 'kill',
};

/**
 * Bits of personality(2) that stand for a page size. Nobody has assigned any; these two are free in 6.12
 * [include/uapi/linux/personality.h], and Android's tree uses the upper one for its own page size.
 */
export const PER_PAGE: Readonly<Record<string, number>> = { PER_16K_PAGES: 0x20000000, PER_64K_PAGES: 0x40000000 };

/** Both bits. */
export const PER_PAGE_MASK = 0x60000000;

/** The argument of personality(2) that asks and changes nothing. */
export const PER_QUERY = 0xffffffff;

/**
 * The page size that a personality stands for; 0 for none, null where it names two.
 *
 * @example
 * ```ts
 * [personaPageBytes(0x40000000), personaPageBytes(0x0040000), personaPageBytes(0x60000000)]; // [65536, 0, null]
 * ```
 */
export function personaPageBytes(persona: number): number | null {
  // Bits as numbers: `&` would make the upper ones negative for what is wider than 31 bits.
  const bits = Math.floor(persona / 0x20000000) % 4;
  return bits === 3 ? null : bits === 2 ? 65536 : bits === 1 ? 16384 : 0;
}
