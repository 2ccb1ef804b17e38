/**
 * One recorded call in the life of a process of larger pages: refused, by which step of which rule; acting on more than it
 * was given; or answered otherwise.
 *
 * @models S-20
 */
import { ADVICE, MAP, MREMAP } from '../../mm/abi/numbers.ts';
import { type AbiRule, abiRules } from '../../mm/abi/rules.ts';
import { describeStep } from '../../mm/abi/ruleText.ts';
import { pageAlign, type Step, takeSteps } from '../../mm/abi/steps.ts';
import { idiomOf } from './idioms.ts';
import { type CallEvent, type PlacedObject, RECORDED_PAGE_BYTES, type RecordedSpace } from './space.ts';

/** What a larger page makes of a call. */
export type FindingKind = 'refused' | 'reaches-further' | 'answers-otherwise' | 'needs-larger-object';

/** One call that would not go as it was recorded. */
export interface AbiFinding {
  kind: FindingKind;
  place: string;
  op: string;
  /** The call as it was made: its addresses and lengths. */
  text: string;
  errno: string;
  /** The step of the rule in words, or what differs. */
  why: string;
  /** Files and functions of the rule. */
  source: string;
  /** The caller, where it is one that asks for the page size: then it makes another call at the other size. */
  caller: string;
  /** Distance from the start of the mapping, and where that was made; -1 where that plays no part. */
  offsetBytes: number;
  madeAt: string;
}

/** What came of a call: findings, and whether a look at the bare address would have been wrong about it. */
export interface Judged {
  findings: AbiFinding[];
  /** The address is no multiple of the page as recorded, and would be one: the recording kernel had chosen it. */
  falseAlarm: boolean;
  /** Exec laid out what it is about, and the recording does not tell how. */
  unknown: boolean;
}

/** The arguments that are addresses of memory that must be there. */
function addressesOf(call: CallEvent['call']): string[] {
  if (call.op === 'mmap') return (call.flags & (MAP.FIXED | MAP.FIXED_NOREPLACE)) === 0 ? [] : ['addr'];
  if (call.op === 'mremap') return (call.flags & MREMAP.FIXED) === 0 ? ['addr'] : ['addr', 'newAddr'];
  if (call.op === 'shmat') return call.addr === 0 ? [] : ['addr'];
  return 'addr' in call && call.op !== 'brk' ? ['addr'] : [];
}

/**
 * Judges a call before it is applied.
 *
 * @example
 * ```ts
 * const call = { op: 'munmap' as const, addr: 0x10000, lengthBytes: 4096 };
 * const event = { kind: 'call' as const, place: 'line 1', space: 1, call, result: 0, errno: '' };
 * judgeCall(event, new RecordedSpace(), 65536).findings; // []
 * ```
 */
export function judgeCall(event: CallEvent, space: RecordedSpace, pageBytes: number): Judged {
  const none = { findings: [], falseAlarm: false, unknown: false };
  if (event.errno !== '') return none;
  const moved: Record<string, unknown> = { ...event.call };
  let falseAlarm = false;
  for (const name of addressesOf(event.call)) {
    const addr = moved[name] as number;
    // Where nothing is mapped yet, MAP_FIXED says that the program chose the place.
    const fresh = event.call.op === 'mmap' && space.find(addr) === null;
    const residue = fresh ? addr % pageBytes : space.residue(addr, pageBytes);
    if (residue === null) return { ...none, unknown: true };
    if (residue === 0 && addr % pageBytes !== 0) falseAlarm = true;
    moved[name] = addr - (addr % pageBytes) + residue;
  }
  const object = 'addr' in event.call ? space.find(event.call.addr) : null;
  const found = refusal(event, moved, pageBytes, object) ?? furtherReach(event, space, pageBytes, object);
  const other = found ?? otherAnswer(event, pageBytes);
  return { findings: other === null ? [] : [other], falseAlarm, unknown: false };
}

/** A finding about a call, with what is the same for all kinds. */
function findingOf(
  event: CallEvent,
  object: PlacedObject | null,
  finding: Pick<AbiFinding, 'kind' | 'errno' | 'why' | 'source'>,
): AbiFinding {
  const { call, place } = event;
  const offsetBytes = object === null || !('addr' in call) || call.op === 'brk' ? -1 : call.addr - object.base;
  const caller = idiomOf(call, object)?.name ?? '';
  return { ...finding, place, op: call.op, text: textOf(call), caller, offsetBytes, madeAt: object?.place ?? '' };
}

function textOf(call: CallEvent['call']): string {
  const shown = Object.entries(call).flatMap(([name, value]) => {
    if (typeof value !== 'number' || name === 'fd') return [];
    const hex = /addr|flags|offset/i.test(name);
    return [`${name.replace(/Bytes$/, '')}=${hex ? `0x${value.toString(16)}` : value}`];
  });
  return `${call.op}(${shown.join(', ')})`;
}

function refusal(
  event: CallEvent,
  moved: Record<string, unknown>,
  pageBytes: number,
  object: PlacedObject | null,
): AbiFinding | null {
  const rule: AbiRule = abiRules[event.call.op];
  for (const steps of [rule.steps, rule.late ?? []]) {
    const step = refusingStep(steps, moved, pageBytes);
    // What a kernel of the recorded page size would refuse as well says nothing about page sizes.
    if (step === null || refusingStep(steps, { ...event.call }, RECORDED_PAGE_BYTES) === step) continue;
    const errno = 'errno' in step ? step.errno : 'ENOMEM';
    return findingOf(event, object, { kind: 'refused', errno, why: describeStep(step), source: rule.source });
  }
  return objectRefusal(event, pageBytes, object);
}

/** The step that refuses a call: the first one with which the rule ends in an errno. */
function refusingStep(steps: readonly Step[], call: Readonly<Record<string, unknown>>, pageBytes: number): Step | null {
  const caller = { pageBytes, privileged: true };
  if (!('errno' in takeSteps(steps, call, caller))) return null;
  const at = steps.findIndex((_, index) => 'errno' in takeSteps(steps.slice(0, index + 1), call, caller));
  return steps[at] ?? null;
}

const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));

/** Objects of the kernel that are mapped: their own rules about whole pages. */
function objectRefusal(event: CallEvent, pageBytes: number, object: PlacedObject | null): AbiFinding | null {
  const { call } = event;
  if (call.op !== 'mmap' || event.object === undefined) return null;
  const pages = pageAlign(call.lengthBytes, pageBytes) / pageBytes;
  if (event.object === 'perf' && pages !== 1 && !isPowerOfTwo(pages - 1)) {
    const why = `${pages} pages are not 1 + 2^n`;
    return findingOf(event, object, {
      kind: 'refused',
      errno: 'EINVAL',
      why,
      source: 'kernel/events/core.c:perf_mmap',
    });
  }
  if (call.lengthBytes % pageBytes === 0) return null;
  const sources = {
    perf: 'kernel/events/core.c:perf_mmap',
    io_uring: 'io_uring/memmap.c:io_uring_validate_mmap_request',
    bpf: 'kernel/bpf/ringbuf.c:ringbuf_map_mmap_kern, kernel/bpf/arraymap.c:array_map_mmap',
    packet: 'net/packet/af_packet.c:packet_mmap',
  };
  const why = `the ${event.object} object is ${call.lengthBytes} bytes, no whole pages: EINVAL unless the kernel makes it larger`;
  return findingOf(event, object, { kind: 'needs-larger-object', errno: '', why, source: sources[event.object] });
}

/** Advice that takes something away from what it reaches. */
const TAKES_AWAY: ReadonlySet<number> = new Set([
  ADVICE.DONTNEED,
  ADVICE.FREE,
  ADVICE.REMOVE,
  ADVICE.DONTNEED_LOCKED,
  ADVICE.DONTFORK,
  ADVICE.WIPEONFORK,
]);

/** What a call does to what it reaches by rounding up, in words; empty where it is harmless. */
function effectOf(call: CallEvent['call']): string {
  if (call.op === 'munmap') return 'unmaps';
  if (call.op === 'mmap') return 'replaces';
  if (call.op === 'mprotect' || call.op === 'pkey_mprotect') return 'changes the protection of';
  if (call.op === 'mseal') return 'seals';
  return call.op === 'madvise' && TAKES_AWAY.has(call.advice) ? 'drops or marks' : '';
}

/** Bytes of the same mapping behind the range that the rounded length takes in, as far as they are used otherwise. */
function furtherReach(
  event: CallEvent,
  space: RecordedSpace,
  pageBytes: number,
  object: PlacedObject | null,
): AbiFinding | null {
  const { call } = event;
  const effect = effectOf(call);
  const placed = call.op !== 'mmap' || addressesOf(call).length > 0;
  if (effect === '' || !placed || !('addr' in call) || !('lengthBytes' in call) || call.lengthBytes === 0) return null;
  const end = call.addr + pageAlign(call.lengthBytes, RECORDED_PAGE_BYTES);
  const past = space.endResidue(object, end, pageBytes);
  const furtherEnd = past === 0 ? end : end - past + pageBytes;
  // A change of protection does nothing to what has that protection; the others nothing to what nobody can touch.
  const spared = call.op === 'mprotect' || call.op === 'pkey_mprotect' ? call.prot : 0;
  const reached = space.mapped(object, end, furtherEnd).filter(({ prot }) => prot !== spared);
  const bytes = reached.reduce((sum, range) => sum + Math.min(range.end, furtherEnd) - Math.max(range.start, end), 0);
  if (bytes === 0) return null;
  const why = `${effect} ${bytes} bytes more, which are in use otherwise`;
  return findingOf(event, object, { kind: 'reaches-further', errno: '', why, source: abiRules[call.op].source });
}

function otherAnswer(event: CallEvent, pageBytes: number): AbiFinding | null {
  const { call } = event;
  if (call.op !== 'mincore') return null;
  const count = (unit: number): number => Math.ceil(call.lengthBytes / unit);
  if (count(pageBytes) === count(RECORDED_PAGE_BYTES)) return null;
  const why = `${count(pageBytes)} bytes of answer instead of ${count(RECORDED_PAGE_BYTES)}`;
  return findingOf(event, null, { kind: 'answers-otherwise', errno: '', why, source: abiRules.mincore.source });
}
