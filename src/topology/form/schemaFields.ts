/** Looking into a zod schema: which fields there are at a place. */
import type { z } from 'zod';
import type { FieldPath } from './text.ts';

/** A schema of any kind. */
export type AnySchema = z.core.$ZodType;

/** What the definitions of the kinds of schema hold, as far as it leads further in. */
interface AnyDef {
  type: string;
  innerType?: AnySchema;
  in?: AnySchema;
  options?: readonly AnySchema[];
  discriminator?: string;
  shape?: Readonly<Record<string, AnySchema>>;
  element?: AnySchema;
  keyType?: AnySchema;
  valueType?: AnySchema;
}

function defOf(schema: AnySchema): AnyDef {
  const def: AnyDef = schema._zod.def;
  return def;
}

/** The option that has most of the fields that were written. */
function likest(options: readonly AnySchema[], data: unknown): AnySchema | undefined {
  const written = typeof data === 'object' && data !== null ? Object.keys(data) : [];
  const shared = (option: AnySchema): number => {
    const { shape = {} } = defOf(bare(option, data) ?? option);
    return written.filter((name) => Object.hasOwn(shape, name)).length;
  };
  return options.toSorted((a, b) => shared(b) - shared(a))[0];
}

/** The option of a union that its discriminator names; the first where it names none. */
function optionOf({ options = [], discriminator }: AnyDef, data: unknown): AnySchema | undefined {
  if (discriminator === undefined) return likest(options, data);
  const said = typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[discriminator] : undefined;
  return options.find((option) => option._zod.propValues?.[discriminator]?.has(said as never));
}

/** What may really be written: without defaults, optionality and what is made of it afterwards. */
function bare(schema: AnySchema | undefined, data: unknown): AnySchema | undefined {
  let inner = schema;
  while (inner !== undefined) {
    const def = defOf(inner);
    const next: AnySchema | undefined =
      def.innerType ?? def.in ?? (def.type === 'union' ? optionOf(def, data) : undefined);
    if (next === undefined) return inner;
    inner = next;
  }
  return undefined;
}

function stepInto(data: unknown, step: string | number): unknown {
  return typeof data === 'object' && data !== null ? (data as Record<string | number, unknown>)[step] : undefined;
}

/**
 * The names of the fields that may be written at a place; empty where any may, or none.
 *
 * @example
 * ```ts
 * fieldsAt(z.strictObject({ a: z.array(z.strictObject({ b: z.int() })) }), { a: [{}] }, ['a', 0]); // ['b']
 * ```
 */
export function fieldsAt(schema: AnySchema, data: unknown, path: FieldPath): string[] {
  let inner = bare(schema, data);
  let value = data;
  for (const step of path) {
    if (inner === undefined) return [];
    const { shape, element, valueType } = defOf(inner);
    value = stepInto(value, step);
    inner = bare(shape === undefined ? (element ?? valueType) : shape[step], value);
  }
  if (inner === undefined) return [];
  const { shape, keyType } = defOf(inner);
  // The names of a record may be given as a list too.
  return shape === undefined ? [...(keyType?._zod.values ?? [])].map(String) : Object.keys(shape);
}
