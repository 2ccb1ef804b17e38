/**
 * memfd_create with MFD_HUGETLB and shmget with SHM_HUGETLB at the system-call boundary: where there is hugetlb, they make files on the
 * mount of the size that was asked for (`mm/memfd.c:memfd_create`, `ipc/shm.c:newseg`).
 *
 * @models S-28 S-25
 */
import { ERRNO, HUGE_SHIFT, isHugeSizeUnknown, MFD } from '../../src/mm/abi/numbers.ts';
import { translateCall } from '../../src/mm/abiRules.ts';
import type { Segment } from '../../src/mm/abi/sharedMemory.ts';
import { hugeFile } from '../../src/mm/hugetlb/names.ts';
import { defaultHugeBytes } from '../../src/mm/hugetlb/sizes.ts';
import { type AbiContext, begin, type CallInFlight, pageBytesOf, refuse } from '../abiState.ts';
import { reviseAbi } from '../revise.ts';
import { reviseCall } from '../reviseWork.ts';
import type { Send } from '../support.ts';

/** A memfd of huge pages that is to be made, or the errno. */
type HugeMemfd = { path: string; hugeBytes: number } | { errno: number };

/** The size that flags ask for: log2 in the bits of `hugetlb_encode.h`, 0 for the caller's default. */
function sizeIn(context: AbiContext, pid: number, flags: number): number {
  const { hugetlb } = context.resources.facilities;
  const log = (flags >>> HUGE_SHIFT) & 0x3f;
  const choice = hugetlb?.defaultSize ?? 'process';
  return log === 0 ? defaultHugeBytes(pageBytesOf(context, pid), context.kernelPageBytes, choice) : 2 ** log;
}

/**
 * What a call asks for that makes a memfd of huge pages; null for any other call, and where there is no hugetlb.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * hugeMemfdOf(abi, 1, { op: 'memfd_create', file: 'memfd:x', flags: 4 }); // null
 * ```
 */
export function hugeMemfdOf(
  context: AbiContext,
  pid: number,
  call: { op: string; file?: string | null; flags?: number },
): HugeMemfd | null {
  const { flags = 0, file } = call;
  const asks = call.op === 'memfd_create' && (flags & MFD.HUGETLB) !== 0 && typeof file === 'string';
  if (!asks || context.resources.facilities.hugetlb === undefined) return null;
  const pageBytes = pageBytesOf(context, pid);
  if (isHugeSizeUnknown(flags, pageBytes)) return { errno: ERRNO.ENODEV };
  // All other rules are those of a memfd without huge pages.
  const plain = translateCall(
    { op: 'memfd_create' as const, file, flags: flags & ~MFD.HUGETLB & 0x3ffffff },
    pageBytes,
  );
  return 'errno' in plain ? plain : { path: file, hugeBytes: sizeIn(context, pid, flags) };
}

/**
 * Makes the memfd.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = newCall(1, 0, { op: 'memfd_create', file: 'memfd:x', flags: 4 });
 * const sent: { file: string }[] = [];
 * createHugeMemfd(abi, call, { path: 'memfd:x', hugeBytes: 2 ** 21 }, (_to, message) => sent.push(message));
 * sent[0]?.file; // 'hugetlb:2048kB:memfd.0'
 * ```
 */
export function createHugeMemfd(context: AbiContext, inFlight: CallInFlight, wish: HugeMemfd, send: Send): AbiContext {
  const { pid } = inFlight;
  if ('errno' in wish) return refuse(context, pid, wish.errno, send);
  const { shared } = context;
  const file = hugeFile(wish.hugeBytes, `memfd.${shared.made}`);
  const memfds = shared.memfds.with(pid, { ...shared.memfds.get(pid), [wish.path]: file });
  send('hugetlb', { type: 'CREATE_FILE', file, sender: 'abi', request: pid, sizeBytes: 0 });
  const state = reviseAbi(context, (draft) => {
    draft.shared = { ...shared, memfds, made: shared.made + 1 };
  });
  return begin(
    state,
    reviseCall(inFlight, (draft) => {
      draft.awaits = 'file';
    }),
  );
}

/**
 * A segment of huge pages as it is made where there is hugetlb: its file, and its size in whole huge pages.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const segment = { key: 7, file: 'shmem:sysv.0', sizeBytes: 5, removed: false };
 * hugeSegment(abi, 1, segment, 0o4000).sizeBytes; // 2097152
 * ```
 */
export function hugeSegment(context: AbiContext, pid: number, segment: Segment, flags: number): Segment {
  const hugeBytes = sizeIn(context, pid, flags);
  const sizeBytes = Math.ceil(segment.sizeBytes / hugeBytes) * hugeBytes;
  return { ...segment, file: hugeFile(hugeBytes, segment.file.replace('shmem:', '')), sizeBytes };
}

/**
 * A segment could not be made: nobody finds it.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const abi = initialAbi({ resources, kernelPageBytes: 4096, files: [] });
 * const call = newCall(1, 0, { op: 'shmget', key: 7, lengthBytes: 5, flags: 0o4000, shmid: 3 });
 * forgetSegment(abi, call).shared.segments; // {}
 * ```
 */
export function forgetSegment(context: AbiContext, { pid, call }: CallInFlight): AbiContext {
  const known = call.op === 'shmget' ? context.shared.identifiers.get(pid)?.[call.shmid] : undefined;
  if (known === undefined) return context;
  const kept = Object.entries(context.shared.segments).filter(([id]) => Number(id) !== known);
  return reviseAbi(context, (draft) => {
    draft.shared = { ...context.shared, segments: Object.fromEntries(kept) };
  });
}
