/** The rules of layer 1 in words: the table of `docs/abi.md`. */
import { conditions } from './conditions.ts';
import { type AbiRule, abiRules } from './rules.ts';
import type { Step } from './steps.ts';

function words(step: Step): string {
  switch (step.do) {
    case 'aligned':
      return `\`${step.argument}\` not a multiple of the page: ${step.errno}`;
    case 'known':
      return `a bit of \`${step.argument}\` beyond 0x${step.mask.toString(16)}: ${step.errno}`;
    case 'refuse':
      return `${conditions[step.when].says}: ${step.errno}`;
    case 'nonzero':
      return `\`${step.argument}\` 0: ${step.errno}`;
    case 'empty':
      return `\`${step.argument}\` 0: success, nothing done`;
    case 'up': {
      const wrap = step.wrapped === null ? 'past 2^64 it is 0' : `past 2^64: ${step.wrapped}`;
      return `\`${step.argument}\` rounded up to pages; ${wrap}`;
    }
    case 'down':
      return `\`${step.argument}\` rounded down to a page`;
    case 'outward':
      return `\`${step.addr}\` rounded down, the end of \`${step.length}\` up`;
    case 'hint':
      return `\`${step.argument}\` rounded down; raised to the page of mmap_min_addr unless 0`;
    case 'wraps':
      return `end past 2^64${step.empty === true ? ', or length 0' : ''}: ${step.errno}`;
    case 'below': {
      const what = step.addr === null ? `\`${step.length}\`` : `\`${step.addr}\` + \`${step.length}\``;
      return `${what} above TASK_SIZE: ${step.errno}`;
    }
    default:
      return `\`${step.argument}\` at most INT_MAX rounded down to pages`;
  }
}

/**
 * A step in words: what is refused with which errno, or what becomes of an argument.
 *
 * @example
 * ```ts
 * describeStep({ do: 'nonzero', argument: 'lengthBytes', errno: 'EINVAL' }); // '`lengthBytes` 0: EINVAL'
 * ```
 */
export function describeStep(step: Step): string {
  const only = 'only' in step && step.only !== undefined ? `with ${conditions[step.only].says}: ` : '';
  return only.replace('with no ', 'without ') + words(step);
}

function describeRule(rule: AbiRule): string {
  const asked = rule.steps.map(describeStep).join('; ');
  const late = (rule.late ?? []).map(describeStep).join('; ');
  const parts = [
    asked === '' ? 'nothing is asked' : asked,
    late === '' ? '' : `*after ${rule.after}:* ${late}`,
    rule.note === undefined ? '' : rule.note,
  ];
  return parts
    .filter((part) => part !== '')
    .join('<br>')
    .replaceAll('|', '\\|');
}

/**
 * The whole table, in Markdown: one row for each call.
 *
 * @example
 * ```ts
 * abiTable().split('\n')[0]; // '| call | in this order | source |'
 * ```
 */
export function abiTable(): string {
  const rows = Object.entries(abiRules).map(([op, rule]) => `| ${op} | ${describeRule(rule)} | \`${rule.source}\` |`);
  return ['| call | in this order | source |', '|---|---|---|', ...rows].join('\n');
}
