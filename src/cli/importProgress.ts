/** Progress of reading trace text: the same for every command that does. */
import { formatBytes, formatCount } from '../report/format.ts';
import type { ImportProgress } from '../trace/import.ts';
import type { Progress } from './progress.ts';

/**
 * A callback for an import that shows how far it is.
 *
 * @example
 * ```ts
 * const show = showImport(new Progress(new TextStream()));
 * show({ bytesRead: 10, bytesTotal: 100, lines: 2, references: 2 });
 * ```
 */
export function showImport(progress: Progress): (at: ImportProgress) => void {
  return ({ bytesRead, bytesTotal, lines, references }) => {
    if (!progress.wanted) return;
    const text = `${formatBytes(bytesRead)} read, ${formatCount(lines)} lines, ${formatCount(references)} references`;
    progress.report({ done: bytesRead, ...(bytesTotal === null ? {} : { total: bytesTotal }), text });
  };
}
