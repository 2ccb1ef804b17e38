/** Conditions on the fields of a message, as plain data: which of the messages of a wire a rule is about. */

/** What a field is held against by `equals` and `oneOf`. */
export type Scalar = string | number | boolean | null;

/** What one field has to be: all that is named holds. `from` and `to` belong to the range. */
export interface FieldTest {
  readonly equals?: Scalar;
  readonly oneOf?: readonly Scalar[];
  readonly less?: number;
  readonly greater?: number;
  readonly from?: number;
  readonly to?: number;
}

/**
 * A test for each field that matters, by the way to it: `va`, `request.va`, `pfns.0`. A bare value is what the field equals.
 * A field that is not there passes no test.
 */
export type Where = Readonly<Record<string, FieldTest | Scalar>>;

/** The value at the end of a way through objects and arrays; undefined where the way ends before. */
function valueAt(message: unknown, way: string): unknown {
  let at = message;
  for (const step of way.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[step];
  }
  return at;
}

function passes(value: unknown, test: FieldTest | Scalar): boolean {
  if (value === undefined) return false;
  if (typeof test !== 'object' || test === null) return value === test;
  const { equals, oneOf, less, greater, from, to } = test;
  if (equals !== undefined && value !== equals) return false;
  if (oneOf !== undefined && !oneOf.some((one) => one === value)) return false;
  if (less === undefined && greater === undefined && from === undefined && to === undefined) return true;
  if (typeof value !== 'number') return false;
  if (less !== undefined && !(value < less)) return false;
  if (greater !== undefined && !(value > greater)) return false;
  if (from !== undefined && !(value >= from)) return false;
  return to === undefined || value <= to;
}

/**
 * Whether a message satisfies a condition: every field that it names passes its test.
 *
 * @example
 * ```ts
 * const message = { type: 'FAULT', va: 0x8000, request: { nr: 3 } };
 * satisfies(message, { va: { from: 0x8000, to: 0x8fff }, 'request.nr': 3 }); // true
 * satisfies(message, { access: 'write' }); // false
 * ```
 */
export function satisfies(message: unknown, where: Where): boolean {
  for (const way in where) if (!passes(valueAt(message, way), where[way])) return false;
  return true;
}
