/**
 * What one userfaultfd keeps (`struct userfaultfd_ctx`): whose memory it watches, what UFFDIO_API agreed on, the faults that
 * wait and the readers that wait for them.
 *
 * @models L-08 X-05
 */
import { ERRNO } from '../abi/numbers.ts';
import { UFFD, UFFD_FEATURE, UFFD_FEATURES, type UserfaultGranularity } from './numbers.ts';

/** A fault that waits (`userfaultfd_wait_queue`). */
export interface WaitingFault {
  pid: number;
  /** `uffd_msg.arg.pagefault.address`. */
  address: number;
  /** UFFD_PAGEFAULT_FLAG_*. */
  flags: number;
  /** A monitor has read it (`fault_wqh` instead of `fault_pending_wqh`). */
  read: boolean;
}

/** A descriptor's state. */
export interface Descriptor {
  /** The process whose memory it is, 0 before userfaultfd(2) and after close. */
  pid: number;
  /** The page of its ranges, in bytes. */
  pageBytes: number;
  /** Flags of userfaultfd(2). */
  flags: number;
  /** What UFFDIO_API agreed on, -1 before it. */
  features: number;
  /** REGISTER is refused and no feature is offered (`defeature`). */
  defeatured: boolean;
  faults: WaitingFault[];
  /** Processes that wait in read(2), in order. */
  readers: number[];
  /** The address of the event that each process read last. */
  lastRead: Record<string, number>;
}

/**
 * A descriptor that nobody has opened.
 *
 * @example
 * ```ts
 * closedDescriptor().features; // -1
 * ```
 */
export function closedDescriptor(): Descriptor {
  return {
    pid: 0,
    pageBytes: 0,
    flags: 0,
    features: -1,
    defeatured: false,
    faults: [],
    readers: [],
    lastRead: {},
  };
}

/**
 * userfaultfd(2) by a process.
 *
 * @example
 * ```ts
 * const sizes = { pageBytes: 65536, kernelPageBytes: 4096 };
 * openDescriptor(7, 0, sizes, 'kernel-page').pageBytes; // 4096
 * openDescriptor(7, 0, sizes, 'defeature').defeatured; // true
 * ```
 */
export function openDescriptor(
  pid: number,
  flags: number,
  sizes: { pageBytes: number; kernelPageBytes: number },
  granularity: UserfaultGranularity,
): Descriptor {
  const { pageBytes, kernelPageBytes } = sizes;
  const naive = granularity === 'kernel-page';
  const defeatured = granularity === 'defeature' && pageBytes > kernelPageBytes;
  return { ...closedDescriptor(), pid, flags, pageBytes: naive ? kernelPageBytes : pageBytes, defeatured };
}

/**
 * The features that UFFDIO_API offers.
 *
 * @example
 * ```ts
 * offeredFeatures({ ...closedDescriptor(), defeatured: true }); // 0
 * ```
 */
export function offeredFeatures({ defeatured }: Descriptor): number {
  return defeatured ? 0 : UFFD_FEATURES;
}

/**
 * UFFDIO_API with arguments that have passed the table: WP_ASYNC brings WP_UNPOPULATED; a second time is EINVAL.
 *
 * @example
 * ```ts
 * const opened = { ...closedDescriptor(), pid: 7, pageBytes: 4096 };
 * const agreed = agreeOn(opened, UFFD_FEATURE.EXACT_ADDRESS);
 * agreed.descriptor.features; // 2048
 * agreeOn(agreed.descriptor, 0).errno; // 22
 * ```
 */
export function agreeOn(descriptor: Descriptor, wanted: number): { descriptor: Descriptor; errno: number } {
  const features = (wanted & UFFD_FEATURE.WP_ASYNC) === 0 ? wanted : wanted | UFFD_FEATURE.WP_UNPOPULATED;
  if ((features & ~offeredFeatures(descriptor)) !== 0 || descriptor.features >= 0) {
    return { descriptor, errno: ERRNO.EINVAL };
  }
  return { descriptor: { ...descriptor, features }, errno: 0 };
}

/**
 * Whether a feature was agreed on.
 *
 * @example
 * ```ts
 * hasFeature({ ...closedDescriptor(), features: 1 }, UFFD_FEATURE.PAGEFAULT_FLAG_WP); // true
 * hasFeature(closedDescriptor(), UFFD_FEATURE.PAGEFAULT_FLAG_WP); // false
 * ```
 */
export function hasFeature({ features }: Descriptor, feature: number): boolean {
  return features >= 0 && (features & feature) !== 0;
}

/** The event of a fault (`userfault_msg`): event, flags, address, and the thread where THREAD_ID was agreed on. */
function eventOf(descriptor: Descriptor, fault: WaitingFault): number[] {
  const thread = hasFeature(descriptor, UFFD_FEATURE.THREAD_ID) ? [fault.pid] : [];
  return [UFFD.EVENT_PAGEFAULT, fault.flags, fault.address, ...thread];
}

/** What a read takes, or null where it has to wait; the fault that is read goes on waiting. */
export interface ReadStep {
  descriptor: Descriptor;
  /** A reader and the event for it. */
  delivered: { pid: number; data: number[] } | null;
}

/**
 * Gives the first fault that nobody has read to the first reader, if there are both.
 *
 * @example
 * ```ts
 * const opened = { ...closedDescriptor(), pid: 7, pageBytes: 4096, features: 0, readers: [9] };
 * const fault = { pid: 7, address: 0x20000, flags: 1, read: false };
 * deliver({ ...opened, faults: [fault] }).delivered; // { pid: 9, data: [18, 1, 131072] }
 * deliver(opened).delivered; // null
 * ```
 */
export function deliver(descriptor: Descriptor): ReadStep {
  const at = descriptor.faults.findIndex(({ read }) => !read);
  const [pid, ...readers] = descriptor.readers;
  const fault = descriptor.faults[at];
  if (fault === undefined || pid === undefined) return { descriptor, delivered: null };
  const faults = descriptor.faults.map((each, index) => (index === at ? { ...each, read: true } : each));
  const lastRead = { ...descriptor.lastRead, [pid]: fault.address };
  return {
    descriptor: { ...descriptor, faults, readers, lastRead },
    delivered: { pid, data: eventOf(descriptor, fault) },
  };
}

/**
 * Takes out the faults that a wake-up reaches (`userfaultfd_wake_function`): those with an address in the range, read or not.
 *
 * @example
 * ```ts
 * const faults = [{ pid: 7, address: 0x20000, flags: 0, read: true }];
 * const opened = { ...closedDescriptor(), pid: 7, pageBytes: 4096, features: 0, faults };
 * wakeRange(opened, 0x20000, 4096).woken; // [7]
 * wakeRange(opened, 0x21000, 4096).woken; // []
 * ```
 */
export function wakeRange(
  descriptor: Descriptor,
  startVa: number,
  lengthBytes: number,
): { descriptor: Descriptor; woken: number[] } {
  const reached = ({ address }: WaitingFault): boolean => startVa <= address && address < startVa + lengthBytes;
  const woken = descriptor.faults.filter(reached).map(({ pid }) => pid);
  if (woken.length === 0) return { descriptor, woken };
  return { descriptor: { ...descriptor, faults: descriptor.faults.filter((fault) => !reached(fault)) }, woken };
}
