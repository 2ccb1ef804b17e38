/** How far each process that has a file open has come with its readahead (`struct file_ra_state`). */
import { initialReadahead, type ReadaheadState } from '../src/mm/readahead.ts';
import type { FileContext } from './fileState.ts';
import { reviseFile } from './revise.ts';

/** Of a file that was just opened: one value, so that nothing changes where nothing happened. */
const NEW_FILE = initialReadahead();

/**
 * The readahead state of a process's open file.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * readaheadOf(file, 1).mmapMiss; // 0
 * ```
 */
export function readaheadOf(context: FileContext, opener: number): ReadaheadState {
  return context.readahead.get(opener) ?? NEW_FILE;
}

/**
 * The address space with another readahead state of a process's open file.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const file = initialFile({ resources, path: 'a', sizeBytes: 8192, kernelPageBytes: 4096, policy: 'sticky-order' });
 * readaheadOf(withReadahead(file, 1, { ...initialReadahead(), mmapMiss: 3 }), 1).mmapMiss; // 3
 * ```
 */
export function withReadahead(context: FileContext, opener: number, state: ReadaheadState): FileContext {
  if (readaheadOf(context, opener) === state) return context;
  return reviseFile(context, (draft) => {
    draft.readahead = context.readahead.with(opener, state);
  });
}
