/**
 * Which areas userfaultfd takes part in, and what registering and unregistering make of them.
 *
 * @models L-08
 */
import { ERRNO } from '../abi/numbers.ts';
import { isShmem } from '../calls/shmem.ts';
import type { VaRange } from '../tableWork.ts';
import { clipVma, VM, type Vma } from '../vma.ts';
import type { VmaSet } from '../vmaSet.ts';
import { UFFD } from './numbers.ts';

/** What an area is registered for: by which descriptor, the modes of UFFDIO_REGISTER, and what UFFDIO_API agreed on. */
export interface Arming {
  fd: string;
  modes: number;
  features: number;
}

/** What the areas are looked at with: files whose file system wants to hear of writes are none of shmem's. */
export interface AreaKinds {
  vmas: VmaSet;
  writeNotify: readonly string[];
}

/**
 * The value of `Vma.uffd` (`vm_userfaultfd_ctx` with the VM_UFFD_* flags). Areas that differ in it do not merge.
 *
 * @example
 * ```ts
 * armingText({ fd: 'monitor', modes: UFFD.REGISTER_MISSING | UFFD.REGISTER_WP, features: 0 }); // '3 0 monitor'
 * ```
 */
export function armingText({ fd, modes, features }: Arming): string {
  return `${modes} ${features} ${fd}`;
}

/**
 * What an area is registered for, null for nothing.
 *
 * @example
 * ```ts
 * armingOf({ uffd: '3 0 monitor' }); // { fd: 'monitor', modes: 3, features: 0 }
 * armingOf({}); // null
 * ```
 */
export function armingOf({ uffd }: Pick<Vma, 'uffd'>): Arming | null {
  if (uffd === undefined) return null;
  const [modes, features, ...name] = uffd.split(' ');
  return { fd: name.join(' '), modes: Number(modes), features: Number(features) };
}

/**
 * Whether an area is registered for a mode (`userfaultfd_missing`, `userfaultfd_wp`, `userfaultfd_minor`).
 *
 * @example
 * ```ts
 * isArmed({ uffd: '1 0 monitor' }, UFFD.REGISTER_WP); // false
 * ```
 */
export function isArmed(vma: Pick<Vma, 'uffd'>, mode: number): boolean {
  return ((armingOf(vma)?.modes ?? 0) & mode) !== 0;
}

/**
 * Whether the area's file is one of shmem's: shared anonymous memory, a memfd, or a file on tmpfs (`vma_is_shmem`).
 *
 * @example
 * ```ts
 * isShmemArea({ writeNotify: ['/etc/passwd'] }, { file: '/etc/passwd' }); // false
 * isShmemArea({ writeNotify: [] }, { file: 'shmem:1.0' }); // true
 * ```
 */
export function isShmemArea({ writeNotify }: Pick<AreaKinds, 'writeNotify'>, { file }: Pick<Vma, 'file'>): boolean {
  return file !== null && (isShmem(file) || !writeNotify.includes(file));
}

function isAnonymous(vma: Vma): boolean {
  return vma.file === null && (vma.flags & VM.SHARED) === 0;
}

/**
 * `vma_can_userfault`.
 *
 * @example
 * ```ts
 * const kinds = { vmas: VmaSet.empty(4096), writeNotify: [] };
 * const vma = { startVa: 0, endVa: 4096, prot: 3, flags: 0, file: null, offsetBytes: 0 };
 * canUserfault(kinds, vma, UFFD.REGISTER_MINOR, false); // false
 * ```
 */
export function canUserfault(kinds: AreaKinds, vma: Vma, modes: number, wpAsync: boolean): boolean {
  const shmem = isShmemArea(kinds, vma);
  if ((modes & UFFD.REGISTER_MINOR) !== 0 && !shmem) return false;
  if (wpAsync && modes === UFFD.REGISTER_WP) return true;
  return isAnonymous(vma) || shmem;
}

/** The areas after a call, the parts of them that it changed with what they were registered for, and its errno. */
export interface Registration {
  vmas: VmaSet;
  changed: (VaRange & Arming)[];
  errno: number;
}

function refused(vmas: VmaSet, errno: number): Registration {
  return { vmas, changed: [], errno };
}

const part = (vma: Vma, { startVa, endVa }: VaRange): Vma => clipVma(vma, startVa, endVa);

/**
 * `userfaultfd_register`, of a range that `validate_range` has let pass: all areas are looked at before any is changed.
 *
 * @example
 * ```ts
 * const vmas = VmaSet.empty(4096).map({ startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0 });
 * const kinds = { vmas, writeNotify: [] };
 * const arming = { fd: 'monitor', modes: 1, features: 0 };
 * registerRange(kinds, { startVa: 4096, endVa: 8192 }, arming, false).vmas.find(4096)?.uffd; // '1 0 monitor'
 * registerRange(kinds, { startVa: 8192, endVa: 12288 }, arming, false).errno; // 22
 * ```
 */
export function registerRange(kinds: AreaKinds, range: VaRange, arming: Arming, wpAsync: boolean): Registration {
  const { vmas } = kinds;
  const areas = vmas.overlapping(range.startVa, range.endVa);
  if (areas.length === 0) return refused(vmas, ERRNO.EINVAL);
  for (const vma of areas) {
    if (!canUserfault(kinds, vma, arming.modes, wpAsync)) return refused(vmas, ERRNO.EINVAL);
    const owner = armingOf(vma);
    if (owner !== null && owner.fd !== arming.fd) return refused(vmas, ERRNO.EBUSY);
  }
  let set = vmas;
  const changed: Registration['changed'] = [];
  for (const vma of areas) {
    // Registered already, and for all that is wanted: it keeps what it has beyond.
    if (((armingOf(vma)?.modes ?? 0) & arming.modes) === arming.modes) continue;
    const { startVa, endVa } = part(vma, range);
    set = set.modify(startVa, endVa, (piece) => ({ ...piece, uffd: armingText(arming) })).set;
    changed.push({ startVa, endVa, ...(armingOf(vma) ?? { fd: '', modes: 0, features: 0 }) });
  }
  return { vmas: set, changed, errno: 0 };
}

/** `userfaultfd_clear_vma`: the area is as one that was never registered. */
function disarmed(vma: Vma): Vma {
  const { uffd: _, ...rest } = vma;
  return rest;
}

/**
 * `userfaultfd_unregister`: areas of the range that are registered are so no more. What waits in those for missing pages is
 * to be woken, and entries that are write-protected in those for WP are to be reset.
 *
 * @example
 * ```ts
 * const area = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * const kinds = { vmas: VmaSet.empty(4096).map(area), writeNotify: [] };
 * unregisterRange(kinds, { startVa: 0, endVa: 4096 }, 'monitor', false).vmas.find(0)?.uffd; // undefined
 * unregisterRange(kinds, { startVa: 0, endVa: 4096 }, 'other', false).errno; // 22
 * ```
 */
export function unregisterRange(kinds: AreaKinds, range: VaRange, fd: string, wpAsync: boolean): Registration {
  const { vmas } = kinds;
  const areas = vmas.overlapping(range.startVa, range.endVa);
  if (areas.length === 0) return refused(vmas, ERRNO.EINVAL);
  for (const vma of areas) {
    const owner = armingOf(vma);
    if (owner !== null && owner.fd !== fd) return refused(vmas, ERRNO.EINVAL);
    if (!canUserfault(kinds, vma, owner?.modes ?? 0, wpAsync)) return refused(vmas, ERRNO.EINVAL);
  }
  let set = vmas;
  const changed: Registration['changed'] = [];
  for (const vma of areas) {
    const owner = armingOf(vma);
    if (owner === null) continue;
    const { startVa, endVa } = part(vma, range);
    set = set.modify(startVa, endVa, disarmed).set;
    changed.push({ startVa, endVa, ...owner });
  }
  return { vmas: set, changed, errno: 0 };
}

/**
 * `userfaultfd_release`: everything that a descriptor had registered is let go.
 *
 * @example
 * ```ts
 * const area = { startVa: 0, endVa: 8192, prot: 3, flags: 0, file: null, offsetBytes: 0, uffd: '1 0 monitor' };
 * releaseAreas(VmaSet.empty(4096).map(area), 'monitor').changed.length; // 1
 * ```
 */
export function releaseAreas(vmas: VmaSet, fd: string): Registration {
  let set = vmas;
  const changed: Registration['changed'] = [];
  for (const vma of vmas.list()) {
    const owner = armingOf(vma);
    if (owner === null || owner.fd !== fd) continue;
    set = set.modify(vma.startVa, vma.endVa, disarmed).set;
    changed.push({ startVa: vma.startVa, endVa: vma.endVa, ...owner });
  }
  return { vmas: set, changed, errno: 0 };
}
