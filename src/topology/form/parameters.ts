/** Parameters of a topology: names for values that whoever runs it may set, put in wherever `${name}` stands. */
import { z } from 'zod';
import type { ErrorCode } from '../../errors.ts';
import { faultsOf } from './faults.ts';
import { remedyFor } from './suggest.ts';
import type { FieldPath } from './text.ts';

/** A value that a parameter can have. */
export type ParameterValue = string | number | boolean;

const value = z.union([z.string(), z.number(), z.boolean()]);

/**
 * The field `parameters`, as it is written.
 *
 * @example
 * ```ts
 * parametersSchema.parse({ page: { default: '64K', oneOf: ['16K', '64K'] } }).page?.default; // '64K'
 * ```
 */
export const parametersSchema = z.record(
  z.string().regex(/^[A-Za-z][A-Za-z0-9_-]*$/),
  z.strictObject({
    default: value.optional().describe('Its value where none is set; without one it has to be set.'),
    oneOf: z.array(value).min(1).optional().describe('The values that it can have; any, where they are not given.'),
    says: z.string().optional().describe('What it is, for whoever sets it.'),
  }),
);

type Declared = z.output<typeof parametersSchema>;
/** The field as it is written. */
export type WrittenParameters = z.input<typeof parametersSchema>;

/** Something wrong with the form of a topology, before it is held against the schema. */
export interface FormFault {
  code: ErrorCode;
  what: string;
  next: string;
  steps: FieldPath;
  /** What of the command line is wrong, where it is not the text. */
  option?: string;
}

/** A parameter with the value that it has in a run. */
export interface ParameterInUse {
  name: string;
  value: ParameterValue;
  isSet: boolean;
  says: string;
}

/** A topology with its parameters put in. */
export interface ParametersPutIn {
  data: unknown;
  parameters: ParameterInUse[];
  faults: FormFault[];
  /** Fields, joined by points, that have no value because a parameter has none. */
  open: Set<string>;
}

/** `$${` is a dollar before a brace; `${name}` is a reference. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;
const WHOLE = /^\$\{([^}]*)\}$/;

function meanings(text: string): ParameterValue[] {
  const number = /^-?\d+(?:\.\d+)?$/.test(text) ? [Number(text)] : [];
  return [...number, ...(text === 'true' || text === 'false' ? [text === 'true'] : []), text];
}

/** A text from outside as a value of the parameter's own kind; null where it is none. */
function valueOf(text: string, declared: Declared[string]): ParameterValue | null {
  const { default: usual, oneOf } = declared;
  if (oneOf !== undefined) return oneOf.find((each) => String(each) === text) ?? null;
  const read = meanings(text);
  if (usual === undefined) return read[0] ?? text;
  return read.find((each) => typeof each === typeof usual) ?? null;
}

const KIND: Readonly<Record<string, string>> = { string: 'text', number: 'a number', boolean: 'true or false' };

function wrongValue(name: string, text: string, declared: Declared[string]): FormFault {
  const { default: usual, oneOf } = declared;
  const kind = KIND[typeof usual] ?? 'text';
  const what = oneOf === undefined ? `is not ${kind}, as its default ${String(usual)} is` : `is none of its values`;
  const next = oneOf === undefined ? `Write ${kind}.` : remedyFor(text, oneOf.map(String));
  const option = `--set ${name}=${text}`;
  return { code: 'PARAMETER_VALUE', what: `"${text}" ${what}`, next, steps: ['parameters', name], option };
}

/** The values of all parameters, and what is wrong with those that were set. */
function valuesOf(
  declared: Declared,
  set: ReadonlyMap<string, string>,
  faults: FormFault[],
): Map<string, ParameterInUse> {
  const found = new Map<string, ParameterInUse>();
  for (const [name, one] of Object.entries(declared)) {
    const { default: usual, oneOf, says = '' } = one;
    const text = set.get(name);
    const steps = ['parameters', name];
    if (usual !== undefined && oneOf?.includes(usual) === false) {
      const what = `the default ${String(usual)} is none of the values that "${name}" can have`;
      faults.push({ code: 'PARAMETER_VALUE', what, next: remedyFor(String(usual), oneOf.map(String)), steps });
    }
    const value = text === undefined ? (usual ?? null) : valueOf(text, one);
    if (value !== null) found.set(name, { name, value, isSet: text !== undefined, says });
    else if (text !== undefined) faults.push(wrongValue(name, text, one));
    else {
      const next = `Give it with --set ${name}=${oneOf === undefined ? 'VALUE' : String(oneOf[0])}, or a default.`;
      faults.push({ code: 'PARAMETER_MISSING', what: `the parameter "${name}" has no value`, next, steps });
    }
  }
  return found;
}

/** One walk over a topology, putting values in. */
class PuttingIn {
  readonly used = new Set<string>();
  readonly open = new Set<string>();
  readonly faults: FormFault[] = [];
  readonly #declared: Declared;
  readonly #values: ReadonlyMap<string, ParameterInUse>;

  constructor(declared: Declared, values: ReadonlyMap<string, ParameterInUse>) {
    this.#declared = declared;
    this.#values = values;
  }

  into(data: unknown, steps: FieldPath): unknown {
    if (typeof data === 'string') return data.includes('${') ? this.#text(data, steps) : data;
    if (Array.isArray(data)) return data.map((item: unknown, at) => this.into(item, [...steps, at]));
    if (typeof data !== 'object' || data === null) return data;
    return Object.fromEntries(Object.entries(data).map(([name, item]) => [name, this.into(item, [...steps, name])]));
  }

  #text(text: string, steps: FieldPath): unknown {
    const whole = WHOLE.exec(text);
    if (whole !== null) return this.#value(whole[1] ?? '', steps) ?? text;
    return text.replaceAll(REFERENCE, (reference, name: string | undefined) =>
      name === undefined ? '${' : String(this.#value(name, steps) ?? reference),
    );
  }

  #value(name: string, steps: FieldPath): ParameterValue | null {
    this.used.add(name);
    const value = this.#values.get(name)?.value ?? null;
    if (value === null) this.open.add(steps.join('.'));
    if (!Object.hasOwn(this.#declared, name)) {
      const names = Object.keys(this.#declared);
      const what = `there is no parameter "${name}"`;
      const next =
        names.length === 0 ? 'Name it under "parameters"; $${ is a dollar before a brace.' : remedyFor(name, names);
      this.faults.push({ code: 'PARAMETER_UNKNOWN', what, next, steps });
    }
    return value;
  }
}

/**
 * Puts the parameters of a topology into it, and takes the field `parameters` out. A text that is one reference and nothing
 * else becomes the value, number or text; within a longer text the value is written out.
 *
 * @param set what was set from outside, as text
 * @example
 * ```ts
 * const form = { parameters: { cpus: { default: 2 } }, cpus: '${cpus}', name: 'on-${cpus}' };
 * putParametersIn(form, new Map()).data; // { cpus: 2, name: 'on-2' }
 * putParametersIn(form, new Map([['cpus', '4']])).data; // { cpus: 4, name: 'on-4' }
 * putParametersIn(form, new Map([['cpu', '4']])).faults[0]?.next; // 'Did you mean "cpus"?'
 * ```
 */
export function putParametersIn(form: unknown, set: ReadonlyMap<string, string>): ParametersPutIn {
  if (typeof form !== 'object' || form === null || Array.isArray(form)) {
    return { data: form, parameters: [], faults: [], open: new Set() };
  }
  const { parameters: written, ...data } = form as Record<string, unknown>;
  const read = parametersSchema.safeParse(written ?? {});
  const faults: FormFault[] = faultsOf(parametersSchema, written, read.error?.issues ?? []).map(
    ({ what, next, steps }) => {
      return { code: 'TOPOLOGY_INVALID', what, next, steps: ['parameters', ...steps] };
    },
  );
  const declared = read.data ?? {};
  const known = Object.keys(declared);
  for (const [name, text] of set) {
    if (read.data === undefined || Object.hasOwn(declared, name)) continue;
    const what = `there is no parameter "${name}"`;
    const next = known.length === 0 ? 'This topology has no parameters.' : remedyFor(name, known);
    faults.push({ code: 'PARAMETER_UNKNOWN', what, next, steps: [], option: `--set ${name}=${text}` });
  }
  const values = valuesOf(declared, set, faults);
  const putting = new PuttingIn(declared, values);
  const resolved = putting.into(data, []);
  // Where the parameters themselves cannot be read, what refers to them is not to blame.
  if (read.success) faults.push(...putting.faults);
  for (const name of known) {
    if (putting.used.has(name)) continue;
    const next = `Write "\${${name}}" where it belongs, or take it out (null, where a base has it).`;
    const what = `the parameter "${name}" is used nowhere`;
    faults.push({ code: 'PARAMETER_UNUSED', what, next, steps: ['parameters', name] });
  }
  return { data: resolved, parameters: [...values.values()], faults, open: putting.open };
}
