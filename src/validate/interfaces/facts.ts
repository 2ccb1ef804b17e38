/** Questions that need no run: what a kernel, the C library and the machine of the oracle are made of. */
import { minFreeAtBoot } from '../../arch/minFree.ts';
import { auxiliaryValue, sysconfValue } from '../../mm/abi/answers.ts';
import { defaultPipeBytes, setPipeSize } from '../../mm/abi/pipes.ts';
import { listHugepages } from '../../mm/hugetlb/sizes.ts';
import { type ObjectSizes } from '../../mm/objects/mapping.ts';
import { answerObjectQuestion } from '../../mm/objects/questions.ts';
import { hardLimit, settingText, softLimit } from '../../mm/procfs/settings.ts';
import { bootControls } from '../../mm/thp/controls.ts';
import { type ControlReader, listThp, readThp } from '../../mm/thp/sysfs.ts';
import { called, type InterfaceAnswer } from './answer.ts';
import type { ChoiceName, InterfaceChoices } from './choices.ts';
import type { InterfaceWorld } from './play.ts';
import type { Question } from './questions.ts';

/** `MemTotal` of the oracle's machine under each kernel: what its own image and tables leave of 2G (`limits.json`). */
const MEM_TOTAL_KBYTES: Readonly<Record<number, number>> = { 4096: 2_052_172, 16384: 2_076_496, 65536: 2_081_408 };
/** What that machine frees only when min_free_kbytes is set already: initramfs and start-up code. */
const STARTUP_KBYTES = 2400;
/** Memory of the machine ends below 4 GiB: ZONE_DMA is all there is. */
const ZONES = 1;

/** What `setup_arg_pages` adds below the first page of the stack (`fs/exec.c`). */
const STACK_EXPAND_BYTES = 131_072;
/** The C library's first allocation: a line buffer, `M_TOP_PAD`, and the least chunk (glibc, `malloc/malloc.c:sysmalloc`). */
const FIRST_SBRK_BYTES = 1040 + 131_072 + 32;

/** sysconf(3) of the oracle's program where no page size comes in: one CPU, and a quarter of RLIMIT_STACK for arguments. */
const SAME_EVERYWHERE: Readonly<Record<string, number>> = {
  _SC_NPROCESSORS_CONF: 1,
  _SC_NPROCESSORS_ONLN: 1,
  _SC_CLK_TCK: 100,
  _SC_OPEN_MAX: 1024,
  _SC_IOV_MAX: 1024,
  _SC_ARG_MAX: 2 ** 21,
};

/**
 * The page that a choice says.
 *
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * chosenPage(world, { ...defaultChoices, pipes: 'kernel-page' }, 'pipes'); // 4096
 * ```
 */
export function chosenPage(world: InterfaceWorld, choices: InterfaceChoices, name: ChoiceName): number {
  return choices[name] === 'process-page' ? world.pageBytes : world.kernelPageBytes;
}

/** Bytes of the areas that the kernel and the C library make for a small static program. */
function areaBytes(area: string, world: InterfaceWorld, choices: InterfaceChoices): number {
  const { pageBytes } = world;
  if (area === '[stack]') return chosenPage(world, choices, 'initialAreas') + STACK_EXPAND_BYTES;
  // A page for thread-local storage, which is asked for first, and the top of malloc's heap in whole pages.
  return pageBytes + Math.ceil(FIRST_SBRK_BYTES / pageBytes) * pageBytes;
}

function fileAnswer(name: string, world: InterfaceWorld, choices: InterfaceChoices): InterfaceAnswer | null {
  const readerOf = (choice: ChoiceName): ControlReader => {
    const policy = choices[choice] === 'process-page' ? 'translate' : 'kernel';
    return { pageBytes: world.pageBytes, kernelPageBytes: world.kernelPageBytes, policy };
  };
  const listed = (names: readonly string[]): InterfaceAnswer => ({ text: names.map((each) => `${each} `).join('') });
  switch (name) {
    case 'transparent_hugepage/':
      return listed(listThp(readerOf('thpControls')));
    case 'hugepages/':
      return listed(listHugepages(readerOf('hugePages')));
    case 'hpage_pmd_size': {
      const read = readThp(bootControls(world.kernelPageBytes, world.design.thp), name, readerOf('thpControls'));
      return 'text' in read ? { text: read.text } : { err: read.errno };
    }
    case 'min_free_kbytes': {
      const pageBytes = chosenPage(world, choices, 'minFree');
      const memTotalKbytes = MEM_TOTAL_KBYTES[pageBytes] ?? 0;
      const machine = { pageBytes, memTotalKbytes, startupKbytes: STARTUP_KBYTES, zones: ZONES, hugePages: true };
      return { text: `${minFreeAtBoot(machine).minFreeKbytes}\n` };
    }
    default: {
      const text = settingText(name, chosenPage(world, choices, 'settings'));
      return text === null ? null : { text };
    }
  }
}

/** The pages that rules of kernel objects are written in. */
function objectSizes(world: InterfaceWorld, choices: InterfaceChoices): ObjectSizes {
  return { abiPageBytes: world.pageBytes, objectPageBytes: chosenPage(world, choices, 'kernelObjects') };
}

/**
 * The answer to a question that needs no run; null for one that does, or that is not understood.
 *
 * @example
 * ```ts
 * const world = { kernelPageBytes: 4096, pageBytes: 65536, design: defaultDesign };
 * answerFact(world, defaultChoices, 'F_GETPIPE_SZ default', { kind: 'pipe', setBytes: null }); // { ret: 1048576 }
 * answerFact(world, { ...defaultChoices, pipes: 'kernel-page' }, '', { kind: 'pipe', setBytes: null }); // { ret: 65536 }
 * ```
 */
export function answerFact(
  world: InterfaceWorld,
  choices: InterfaceChoices,
  text: string,
  question: Question,
): InterfaceAnswer | null {
  const { pageBytes } = world;
  const totalKbytes = MEM_TOTAL_KBYTES[chosenPage(world, choices, 'memoryTotal')] ?? 0;
  const memory = { totalBytes: totalKbytes * 1024, freeBytes: 0 };
  switch (question.kind) {
    case 'sysconf': {
      const same = SAME_EVERYWHERE[question.name] as number | undefined;
      return same === undefined ? called(sysconfValue(question.name, pageBytes, memory)) : { ret: same };
    }
    case 'auxval':
      return called(auxiliaryValue(question.name, pageBytes));
    case 'rlimit':
      return { ret: (question.hard ? hardLimit(question.name) : softLimit(question.name)) ?? 0 };
    case 'pipe': {
      const slotBytes = chosenPage(world, choices, 'pipes');
      if (question.setBytes === null) return { ret: defaultPipeBytes(slotBytes) };
      const answer = called(setPipeSize(question.setBytes, { pageBytes: slotBytes, privileged: true }));
      // fcntl(3) returns an int.
      return answer.ret === undefined ? answer : { ret: answer.ret | 0 };
    }
    case 'file':
      return fileAnswer(question.name, world, choices);
    case 'areaSize':
      return { ret: areaBytes(question.area, world, choices) };
    case 'areaAligned':
      // The stack ends at the top of the address space: what it lacks to whole pages of the process is at its start.
      return { ret: question.area === '[stack]' && areaBytes('[stack]', world, choices) % pageBytes !== 0 ? 0 : 1 };
    case 'uffdApi':
      return { ret: 0 };
    case 'object':
      return answerObjectQuestion(text, objectSizes(world, choices));
    default:
      return null;
  }
}
