/** Choices of the design as a command line names them. */
import { type Design, defaultDesign } from '../arch/design.ts';
import { GranuleError } from '../errors.ts';
import { parseTopology } from '../topology/schema.ts';

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return text;
}

/**
 * The design with choices given as `NAME=VALUE`; `thp.enabled=always` and `thp.sizes.64K=always` reach into THP.
 *
 * @throws GranuleError USAGE for what is no NAME=VALUE, TOPOLOGY_INVALID for a name or value that is none
 * @example
 * ```ts
 * abiDesign(['fileTail=kernel-page']).fileTail; // 'kernel-page'
 * ```
 */
export function abiDesign(choices: readonly string[]): Design {
  if (choices.length === 0) return defaultDesign;
  const design: Record<string, unknown> = {};
  for (const choice of choices) {
    const match = /^([A-Za-z0-9.]+)=(.+)$/.exec(choice);
    if (match === null) throw new GranuleError('USAGE', `"${choice}" is no NAME=VALUE`, '--design');
    const [, path, value] = match;
    const names = path.split('.');
    const last = names.pop() ?? '';
    let at = design;
    for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
    at[last] = valueOf(value);
  }
  const processes = [{ pid: 1, trace: 'none', pageSize: 4096 }];
  return parseTopology({ name: 'choices', processes, design }, '--design').design;
}
