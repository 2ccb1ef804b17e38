/** What is wrong with plain data, in the words of whoever wrote it: from the issues of zod to faults with a remedy. */
import type { z } from 'zod';
import { type AnySchema, fieldsAt } from './schemaFields.ts';
import { nearest } from './suggest.ts';
import type { FieldPath } from './text.ts';

/** Faults that one error tells of at most: more are one slip that shows in many places. */
export const FAULTS_MAX = 20;

/** One thing that is wrong with data meant to be a topology. */
export interface TopologyFault {
  what: string;
  /** Path of the field, joined by points; empty for the whole. */
  path: string;
  /** The same in steps; of a field that no topology has, with that field. */
  steps: FieldPath;
  /** What to do about it. */
  next: string;
  /** It is a field that no topology has. */
  unknownField: boolean;
}

type Issue = z.core.$ZodIssue;

/** The remedy where there is no better one. */
export const MEND = 'Mend the field named; docs/topology.md lists every field.';
const BEGIN = 'Write a topology: docs/topology.md begins with the shortest.';
/** Characters of a value that a message quotes. */
const QUOTED_MAX = 60;
/** Values that a message lists. */
const LISTED_MAX = 16;
/** Fields that a message lists. */
const FIELDS_LISTED_MAX = 30;

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list (an array)',
  object: 'an object',
  record: 'an object',
};

function kindName(expected: string): string {
  return KINDS[expected] ?? expected;
}

/** A value as a message shows it: scalars as they are, the others by what they are. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}...` : text;
}

function valueAt(data: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[step] : undefined,
    data,
  );
}

function isOrAre(names: readonly string[]): string {
  if (names.length === 1) return names.join('');
  const rest = names.length > LISTED_MAX ? ` and ${names.length - LISTED_MAX} more` : '';
  return `one of ${names.slice(0, LISTED_MAX).join(', ')}${rest}`;
}

function wrongValue(name: string, value: unknown, allowed: readonly unknown[]): Pick<TopologyFault, 'what' | 'next'> {
  const names = allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  if (value === undefined) return { what: `"${name}" is missing: ${isOrAre(names)}`, next: 'Add it.' };
  const near = typeof value === 'string' ? nearest(value, names) : null;
  const what = `${shown(value)} is not ${isOrAre(names)}`;
  return { what, next: near === null ? MEND : `Did you mean "${near}"?` };
}

function wrongKind(name: string, value: unknown, kinds: readonly string[]): Pick<TopologyFault, 'what' | 'next'> {
  const expected = [...new Set(kinds.map(kindName))].join(' or ');
  if (value === undefined) return { what: `"${name}" is missing, and has to be ${expected}`, next: 'Add it.' };
  return { what: `${shown(value)} is not ${expected}`, next: MEND };
}

function wrongSize(issue: Issue & { code: 'too_small' | 'too_big' }, value: unknown): string {
  const isSmall = issue.code === 'too_small';
  const bound = Number(isSmall ? issue.minimum : issue.maximum);
  if (issue.origin === 'string') return isSmall ? 'it is empty' : `it is longer than ${bound} characters`;
  if (issue.origin === 'array') {
    if (isSmall && bound === 1) return 'the list is empty, and has one item at least';
    const count = Array.isArray(value) ? value.length : 0;
    return `a list of ${count}, and ${bound} is the ${isSmall ? 'least' : 'most'}`;
  }
  const exclusive = issue.inclusive === false;
  if (isSmall) return `${shown(value)} is below ${exclusive ? bound + 1 : bound}, the least that it can be`;
  return `${shown(value)} is above ${exclusive ? bound - 1 : bound}, the most that it can be`;
}

/** The branch of a union whose issues lie deepest: the one that was meant. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | null {
  const depth = (issues: readonly Issue[]): number => Math.max(...issues.map(({ path }) => path.length));
  const sorted = branches.filter((issues) => issues.length > 0).toSorted((a, b) => depth(b) - depth(a));
  const [first] = sorted;
  return first !== undefined && depth(first) > 0 ? first : null;
}

/** What is said of one issue, but for its place. */
function worded(issue: Issue, value: unknown): Pick<TopologyFault, 'what' | 'next'> {
  const name = String(issue.path.at(-1) ?? 'the topology');
  switch (issue.code) {
    case 'invalid_type':
      if (value === null && issue.path.length === 0) return { what: 'there is nothing in it', next: BEGIN };
      return wrongKind(name, value, [issue.expected]);
    case 'invalid_value':
      return wrongValue(name, value, issue.values);
    case 'too_small':
    case 'too_big':
      return { what: wrongSize(issue, value), next: MEND };
    case 'invalid_format': {
      const what = issue.message.startsWith('Invalid') ? `it has not the form ${issue.pattern ?? ''}` : issue.message;
      return { what: `${shown(value)}: ${what}`, next: MEND };
    }
    case 'invalid_union': {
      if (issue.errors.length === 0) {
        const { options = [] } = issue as { options?: readonly unknown[] };
        return wrongValue(name, value, options);
      }
      // Whoever wrote the schema may have said it better.
      if (!issue.message.startsWith('Invalid')) return { what: issue.message, next: MEND };
      const kinds = issue.errors.flat().flatMap((each) => (each.code === 'invalid_type' ? [each.expected] : []));
      return wrongKind(name, value, kinds);
    }
    case 'invalid_key': {
      const [inner] = issue.issues;
      const why = inner === undefined ? issue.message : worded(inner, issue.path.at(-1)).what;
      return { what: `a name that cannot be here: ${why}`, next: MEND };
    }
    default: {
      const [, written, names] = /^"([^"]+)" is none of (.+)$/.exec(issue.message) ?? [];
      const near = written === undefined ? null : nearest(written, names?.split(', ') ?? []);
      return { what: issue.message, next: near === null ? MEND : `Did you mean "${near}"?` };
    }
  }
}

function unknownFields(
  issue: Issue & { code: 'unrecognized_keys' },
  steps: FieldPath,
  known: readonly string[],
): TopologyFault[] {
  return issue.keys.map((key) => {
    const near = nearest(key, known);
    // A list of all fields of a topology helps nobody.
    const isShort = known.length > 0 && known.length <= FIELDS_LISTED_MAX;
    const list = isShort ? `There are: ${known.join(', ')}.` : 'docs/topology.md lists every field.';
    const next = near === null ? `Take it out. ${list}` : `Did you mean "${near}"?`;
    const what = `there is no field "${key}" here`;
    return { what, path: steps.join('.'), steps: [...steps, key], next, unknownField: true };
  });
}

/**
 * What the issues of zod say, each with its place and a remedy. `outerFields` may be written too, beside those that the schema has
 * at its top.
 *
 * @example
 * ```ts
 * const schema = z.strictObject({ mode: z.enum(['always', 'never']) });
 * const data = { mode: 'allways' };
 * faultsOf(schema, data, schema.safeParse(data).error?.issues ?? [])[0]?.next; // 'Did you mean "always"?'
 * ```
 */
export function faultsOf(
  schema: AnySchema,
  data: unknown,
  issues: readonly Issue[],
  outerFields: readonly string[] = [],
): TopologyFault[] {
  return issues.flatMap((issue): TopologyFault[] => {
    const steps = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code === 'unrecognized_keys') {
      const known = fieldsAt(schema, data, steps);
      return unknownFields(issue, steps, steps.length === 0 ? [...outerFields, ...known] : known);
    }
    const branch = issue.code === 'invalid_union' ? meantBranch(issue.errors) : null;
    if (branch !== null) {
      const inner = branch.map((each) => ({ ...each, path: [...issue.path, ...each.path] }));
      return faultsOf(schema, data, inner);
    }
    const said = worded(issue, valueAt(data, steps));
    return [{ ...said, path: steps.join('.'), steps, unknownField: false }];
  });
}
