/**
 * Where the proposal leaves open what a process of another page size is told, both outcomes have a name. The first of each pair
 * answers as a kernel of the process's page size does, and is the default.
 *
 * @models S-24 S-25 S-46 T-21 L-09
 */
import { GranuleError } from '../../errors.ts';

/** What each choice decides, with its two values. */
export const interfaceChoices = {
  pipes: {
    values: ['process-page', 'kernel-page'],
    says: 'the page that slots of a pipe are counted in (F_GETPIPE_SZ, F_SETPIPE_SZ)',
  },
  kernelObjects: {
    values: ['process-page', 'kernel-page'],
    says: 'the page that objects which the kernel shares with user space are made of: rings of perf, BPF and io_uring, vDSO and vvar',
  },
  thpControls: {
    values: ['process-page', 'kernel-page'],
    says: 'whose PMD size and sizes of folios sysfs shows under transparent_hugepage/',
  },
  hugePages: {
    values: ['process-page', 'kernel-page'],
    says: 'whose sizes sysfs lists under hugepages/: pools of a kernel of the process’s size that have to stay empty, or those there are',
  },
  minFree: {
    values: ['process-page', 'kernel-page'],
    says: 'what min_free_kbytes shows: the reserve that a kernel of the process’s size would keep on this machine, or the one kept',
  },
  memoryTotal: {
    values: ['process-page', 'kernel-page'],
    says: 'how much memory there is (_SC_PHYS_PAGES): what a kernel of the process’s size would leave of this machine, or what is there',
  },
  deviceNumbers: {
    values: ['process-page', 'kernel-page'],
    says: 'numbers of devices without a disk: there is one for each size of huge pages, so they tell how many sizes the kernel has',
  },
  lruBatches: {
    values: ['process-page', 'kernel-page'],
    says: 'whether a folio of one process page waits in a batch as a single page does, or is a large one, which MADV_FREE gives up at once (LazyFree)',
  },
  initialAreas: {
    values: ['process-page', 'kernel-page'],
    says: 'the page that the first stack is made of (`setup_arg_pages`); the heap is made by the C library, from AT_PAGESZ',
  },
  settings: {
    values: ['process-page', 'kernel-page'],
    says: 'settings in /proc/sys that are made of a page at boot (perf_event_mlock_kb)',
  },
} as const;

/** The name of a choice. */
export type ChoiceName = keyof typeof interfaceChoices;
/** Every choice made. */
export type InterfaceChoices = Readonly<Record<ChoiceName, 'process-page' | 'kernel-page'>>;

/** The names in the order of the table. */
export const CHOICE_NAMES: readonly ChoiceName[] = Object.keys(interfaceChoices) as ChoiceName[];

/** Every choice as a kernel of the process's page size has it. */
export const defaultChoices: InterfaceChoices = Object.fromEntries(
  CHOICE_NAMES.map((name) => [name, 'process-page']),
) as InterfaceChoices;

/**
 * Takes choices of this table out of those of a command line; what is left are choices of the design.
 *
 * @throws GranuleError USAGE for a value that the choice has not
 * @example
 * ```ts
 * const { choices, others } = takeChoices(['pipes=kernel-page', 'fileTail=kernel-page']);
 * [choices.pipes, others]; // ['kernel-page', ['fileTail=kernel-page']]
 * ```
 */
export function takeChoices(texts: readonly string[]): { choices: InterfaceChoices; others: string[] } {
  const choices: Record<ChoiceName, 'process-page' | 'kernel-page'> = { ...defaultChoices };
  const others: string[] = [];
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0));
    if (!Object.hasOwn(interfaceChoices, name)) {
      others.push(text);
      continue;
    }
    const value = text.slice(at + 1);
    if (value !== 'process-page' && value !== 'kernel-page') {
      throw new GranuleError('USAGE', `${name} is process-page or kernel-page, not "${value}"`, '--design');
    }
    choices[name as ChoiceName] = value;
  }
  return { choices, others };
}
