/**
 * The system-call boundary for memory that no page cache has: calls that make an object of the kernel, ioctls of
 * devices, and mmap of either, which its own handler is asked about before the mm.
 *
 * @models S-29 S-33 L-10
 */
import { MAP } from '../../src/mm/abiRules.ts';
import { isObjectFile, shownName } from '../../src/mm/objects/objectFile.ts';
import { wholePages } from '../../src/mm/objects/mapping.ts';
import { PROT } from '../../src/mm/pte.ts';
import type { DeviceCall, MappingCall, ObjectCall } from '../../src/mm/runs.ts';
import { VM } from '../../src/mm/vma.ts';
import { inodeOf } from '../abiFiles.ts';
import { type AbiContext, answer, askMm, begin, type CallInFlight, fail, pageBytesOf } from '../abiState.ts';
import { actorOfFile } from '../fileState.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { reviseAbi } from '../revise.ts';
import { reviseCall } from '../reviseWork.ts';

const OBJECT_CALLS: ReadonlySet<string> = new Set<ObjectCall['op']>([
  'perf_event_open',
  'io_uring_setup',
  'bpf_map_create',
  'packet_ring',
  'io_setup',
]);

/**
 * Whether a call makes an object.
 *
 * @example
 * ```ts
 * isObjectCall({ op: 'io_setup' }); // true
 * isObjectCall({ op: 'mmap' }); // false
 * ```
 */
export function isObjectCall(call: { op: string }): call is ObjectCall {
  return OBJECT_CALLS.has(call.op);
}

function waitsFor(context: AbiContext, inFlight: CallInFlight, call: CallInFlight['call']): AbiContext {
  return begin(
    context,
    reviseCall(inFlight, (draft) => {
      draft.call = call;
      draft.awaits = 'object';
    }),
  );
}

/**
 * Begins a call that makes an object: from here on the process means it by the name that it gave.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'perf_event_open' as const, file: 'cycles' };
 * const made = beginObjectCall(abi, newCall(1, 0, call), call, () => {});
 * inodeOf(made, 1, 'cycles'); // 'object:0'
 * ```
 */
export function beginObjectCall(context: AbiContext, inFlight: CallInFlight, call: ObjectCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const { shared } = context;
  const file = `object:${shared.made}`;
  const names = shared.memfds.get(pid) ?? {};
  const before = names[call.file];
  // A name that is given again means the new object; the old one stays open all the same, until the process exits.
  const kept = before === undefined ? names : { ...names, [`${call.file} ${shared.made}`]: before };
  const memfds = shared.memfds.with(pid, { ...kept, [call.file]: file });
  const state = reviseAbi(context, (draft) => {
    draft.shared = { ...shared, memfds, made: shared.made + 1 };
  });
  send('object', { type: 'CREATE_OBJECT', file, request: pid, pageBytes: pageBytesOf(context, pid), call });
  return waitsFor(state, inFlight, call);
}

/**
 * The object is there. An AIO ring is mapped at once, where the mm finds room: its address is what io_setup gives back.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'perf_event_open' as const, file: 'cycles' };
 * const made = beginObjectCall(abi, newCall(1, 0, call), call, () => {});
 * const done = { type: 'OBJECT_CREATED' as const, request: 1, errno: 0, mapBytes: 0 };
 * objectCreated(made, callOf(made, 1), done, () => {}).calls.size; // 0
 * ```
 */
export function objectCreated(
  context: AbiContext,
  inFlight: CallInFlight,
  { errno, mapBytes }: MessageOf<'OBJECT_CREATED'>,
  send: Send,
): AbiContext {
  const { pid } = inFlight;
  const call = inFlight.call as ObjectCall;
  // The name then means nothing: whoever maps it gets EBADF.
  if (errno !== 0) return fail(context, pid, errno, send);
  if (mapBytes === 0) return answer(context, pid, { result: 0 }, send);
  const lengthBytes = wholePages(mapBytes, pageBytesOf(context, pid));
  const area = { flags: VM.SHARED | VM.DONTEXPAND, inserts: false, name: shownName('aio') };
  const place = { addr: 0, lengthBytes, prot: PROT.READ | PROT.WRITE, flags: MAP.SHARED, offsetBytes: 0 };
  return askMm(context, inFlight, { op: 'mmap', ...place, file: inodeOf(context, pid, call.file), area }, send);
}

type MmapCall = Extract<MappingCall, { op: 'mmap' }>;

/**
 * Asks the handler of an object or a device about an mmap that layer 1 has let pass; null where the file is none of
 * those.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'mmap' as const, addr: 0, lengthBytes: 4096, prot: 3, flags: 1, file: 'driver:nic', offsetBytes: 0 };
 * askHandler(abi, newCall(1, 0, call), call, () => {})?.calls.get(1)?.awaits; // 'object'
 * askHandler(abi, newCall(1, 0, call), { ...call, file: '/etc/passwd' }, () => {}); // null
 * ```
 */
export function askHandler(context: AbiContext, inFlight: CallInFlight, call: MmapCall, send: Send): AbiContext | null {
  const { pid } = inFlight;
  const { addr, lengthBytes, offsetBytes, prot, flags } = call;
  const file = inodeOf(context, pid, call.file ?? '');
  if (!isObjectFile(file)) return null;
  const mapping = { addr, lengthBytes, offsetBytes, prot, flags };
  const pageBytes = pageBytesOf(context, pid);
  send(actorOfFile(file), { type: 'MAP_OBJECT', file, request: pid, pageBytes, mapping });
  return waitsFor(context, inFlight, { ...call, file });
}

/**
 * The handler has answered: the mm makes the area that it wants, or the call fails.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'mmap' as const, addr: 0, lengthBytes: 4096, prot: 3, flags: 1, file: 'driver:nic', offsetBytes: 0 };
 * const done = { type: 'OBJECT_MAPPED' as const, request: 1, errno: 22, area: { flags: 0, inserts: false } };
 * objectMapped(abi, newCall(1, 0, call), done, () => {}).calls.size; // 0
 * ```
 */
export function objectMapped(
  context: AbiContext,
  inFlight: CallInFlight,
  { errno, area }: MessageOf<'OBJECT_MAPPED'>,
  send: Send,
): AbiContext {
  if (errno !== 0) return fail(context, inFlight.pid, errno, send);
  return askMm(context, inFlight, { ...(inFlight.call as MmapCall), area }, send);
}

/**
 * Hands an ioctl to the driver of a device.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ioctl' as const, file: 'driver:kvm', command: 'KVM_GET_DIRTY_LOG', values: [65536] };
 * beginIoctl(abi, newCall(1, 0, call), call, () => {}).calls.get(1)?.awaits; // 'object'
 * ```
 */
export function beginIoctl(context: AbiContext, inFlight: CallInFlight, call: DeviceCall, send: Send): AbiContext {
  const { pid } = inFlight;
  const pageBytes = pageBytesOf(context, pid);
  send(actorOfFile(call.file), { type: 'IOCTL', file: call.file, request: pid, pageBytes, call });
  return waitsFor(context, inFlight, call);
}

/**
 * The driver has done it.
 *
 * @example
 * ```ts
 * const abi = initialAbi({ resources: null, kernelPageBytes: 4096, files: [] });
 * const call = { op: 'ioctl' as const, file: 'driver:kvm', command: 'KVM_GET_DIRTY_LOG', values: [65536] };
 * const done = { type: 'IOCTL_DONE' as const, request: 1, result: 8, errno: 0 };
 * ioctlDone(abi, newCall(1, 0, call), done, () => {}).calls.size; // 0
 * ```
 */
export function ioctlDone(
  context: AbiContext,
  { pid }: CallInFlight,
  { result, errno }: MessageOf<'IOCTL_DONE'>,
  send: Send,
): AbiContext {
  return answer(context, pid, { result, errno }, send);
}
