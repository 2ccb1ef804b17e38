/** The inodes of the kernel's internal tmpfs mount, found by path and kept in the order in which they were made. */
import { IntMap } from '../src/mm/intMap.ts';
import { PathMap } from '../src/mm/pathMap.ts';
import type { FileContext } from './fileState.ts';
import { plainOf } from './plainForm.ts';

/** An inode of the mount: an address space without what is the same for all. */
export type ShmemInode = Omit<FileContext, 'resources'>;

/**
 * Inodes by path. Their plain form is a record in order of their numbers.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const input = { resources, path: 'shmem:1', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' as const, ino: 3 };
 * const inodes = Inodes.empty().with(initialFile(input));
 * inodes.get('shmem:1')?.ino; // 3
 * inodes.without('shmem:1').get('shmem:1'); // undefined
 * ```
 */
export class Inodes {
  readonly #byNumber: IntMap<ShmemInode>;
  readonly #numbers: PathMap<number>;

  constructor(byNumber: IntMap<ShmemInode>, numbers: PathMap<number>) {
    this.#byNumber = byNumber;
    this.#numbers = numbers;
  }

  static empty(): Inodes {
    return new Inodes(IntMap.empty(), PathMap.empty());
  }

  /** The inverse of `toPlain`, the inodes themselves revived already. */
  static fromList(inodes: readonly ShmemInode[]): Inodes {
    return inodes.reduce((all, inode) => all.with(inode), Inodes.empty());
  }

  get size(): number {
    return this.#byNumber.size;
  }

  get(path: string): ShmemInode | undefined {
    const number = this.#numbers.get(path);
    return number === undefined ? undefined : this.#byNumber.get(number);
  }

  /** With an inode as it is now. */
  with(inode: ShmemInode): Inodes {
    const { path, ino } = inode;
    const before = this.#numbers.get(path);
    if (before === ino) return new Inodes(this.#byNumber.set(ino, inode), this.#numbers);
    const others = this.without(path);
    return new Inodes(others.#byNumber.set(ino, inode), others.#numbers.with(path, ino));
  }

  without(path: string): Inodes {
    const number = this.#numbers.get(path);
    return number === undefined ? this : new Inodes(this.#byNumber.delete(number), this.#numbers.without(path));
  }

  toPlain(): Record<string, unknown> {
    return Object.fromEntries([...this.#byNumber.entries()].map(([, inode]) => [inode.path, plainOf(inode)]));
  }
}
