import { GranuleError } from '../errors.ts';
import { LackeyParser } from './lackey.ts';
import { LackeyCalls } from './lackeyCalls.ts';
import type { LineParser } from './lines.ts';
import { PerfScriptParser, isPerfScript } from './perfScript.ts';
import { PlainParser, isPlain } from './plain.ts';
import type { TraceFacts, TraceWorld } from './traceWorld.ts';

/**
 * Formats of trace text, by the name that `--format` takes.
 *
 * @example
 * ```ts
 * const format: TraceFormat = 'plain';
 * ```
 */
export type TraceFormat = 'lackey' | 'perf-script' | 'plain';

/**
 * Reads one format of trace text.
 *
 * @example
 * ```ts
 * importers().map((importer) => importer.format); // ['lackey', 'perf-script', 'plain']
 * ```
 */
export interface Importer {
  format: TraceFormat;
  /** Whether the first kilobytes of a text look like this format. */
  detect(head: string): boolean;
  /** A parser that feeds `world`; `file` names the input in errors. `facts` may be asked once the text is over. */
  open(world: TraceWorld, file: string): { parser: LineParser; facts: () => TraceFacts };
}

const LACKEY_LINE =
  /^(?:I {2}[0-9a-f]{8,16},\d+| [LSM] [0-9a-f]{8,16},\d+|SYSCALL\[\d+,\d+\]\(.*|[=-]{2}\d+[=-]{2}.*)$/m;

/**
 * Every importer, in the order in which they are asked whether a text is theirs.
 *
 * @example
 * ```ts
 * importers()[0].detect('I  04001000,3\n'); // true
 * ```
 */
export function importers(): Importer[] {
  return [
    {
      format: 'lackey',
      detect: (head) => LACKEY_LINE.test(head),
      open: (world, file) => {
        const calls = new LackeyCalls(world, file);
        return { parser: new LackeyParser(world.builder, calls, file), facts: () => calls.facts() };
      },
    },
    {
      format: 'perf-script',
      detect: isPerfScript,
      open: (world, file) => ({ parser: new PerfScriptParser(world.builder, file), facts: noFacts }),
    },
    {
      format: 'plain',
      detect: isPlain,
      open: (world, file) => ({ parser: new PlainParser(world.builder, file), facts: noFacts }),
    },
  ];
}

/**
 * The importer for a text: the one asked for, or else the first that knows the text's beginning.
 *
 * @throws GranuleError TRACE_MALFORMED when none does, TRACE_EMPTY when there is no text, USAGE for an unknown format
 * @example
 * ```ts
 * importerFor('400123 R\n', undefined, 'a.txt').format; // 'plain'
 * ```
 */
export function importerFor(head: string, format: string | undefined, file: string): Importer {
  if (format !== undefined) {
    const named = importers().find((importer) => importer.format === format);
    if (named !== undefined) return named;
    const known = importers()
      .map((importer) => importer.format)
      .join(', ');
    throw new GranuleError('USAGE', `there is no trace format "${format}"`, '--format', `Give one of: ${known}.`);
  }
  if (head.trim() === '') throw new GranuleError('TRACE_EMPTY', 'the trace holds nothing at all', file);
  const found = importers().find((importer) => importer.detect(head));
  if (found !== undefined) return found;
  const line = JSON.stringify(head.slice(0, 80).split('\n')[0]);
  throw new GranuleError('TRACE_MALFORMED', `no known trace format begins like this: ${line}`, `${file}, line 1`);
}

/** Nothing is known of a program whose text holds accesses alone. */
function noFacts(): TraceFacts {
  return { command: '', linked: false, program: null, interpreter: null };
}
