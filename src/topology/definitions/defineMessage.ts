/** Message types of a user's own: a name, a version, and a schema that every message is held to as it is sent. */
import type { Message } from '../../../machines/messages.ts';
import { GranuleError } from '../../errors.ts';
import type { Upcaster } from '../../log/upcast.ts';
import { type Definition, markDefinition } from './definition.ts';

/**
 * A schema for values of type `T`: Standard Schema, which Zod, Valibot and ArkType implement (https://standardschema.dev).
 * It must judge at once: one that answers with a promise is refused.
 */
export interface Schema<T = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaAnswer<T> | Promise<SchemaAnswer<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

type SchemaAnswer<T> = { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

/** A message type of a user's own. */
export interface MessageDefinition<T extends string = string, F = object> extends Definition<'message'> {
  readonly type: T;
  readonly version: number;
  readonly says: string;
  readonly fields: Schema<F>;
  readonly upcasters: readonly Upcaster[];
}

/** Some message definition. */
export type AnyMessageDefinition = MessageDefinition;

/** A message as an editor shows it: one object. A schema without fields, whose type forbids all of them, adds none. */
type Whole<T extends string, F> = [F] extends [Record<string, never>]
  ? { readonly type: T }
  : { readonly [N in 'type' | keyof F]: N extends 'type' ? T : N extends keyof F ? F[N] : never };

/** The messages that a definition describes. */
export type MessageFrom<D> = D extends MessageDefinition<infer T, infer F> ? Whole<T, F> : never;

/** Every message that an actor may meet: the built-in ones, and those of the definitions it names. */
export type MessagesWith<M extends readonly AnyMessageDefinition[]> = Message | MessageFrom<M[number]>;

/** What {@link defineMessage} is told beside the name. */
export interface MessageOptions<F> {
  /** Raised when the fields change. */
  readonly version?: number;
  /** One sentence for the vocabulary. */
  readonly says: string;
  /** The fields beside `type`. */
  readonly fields: Schema<F>;
  /** One for each step from version 1 to `version`, so that older logs still open. */
  readonly upcasters?: readonly FieldsUpcaster[];
}

/** Turns the fields of one version into those of the next. */
export type FieldsUpcaster = (fields: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

const TYPE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/**
 * Defines a message type. Its fields are plain data; the schema is looked at whenever one is sent.
 *
 * @throws GranuleError DEFINITION_INVALID for a name that is not in capitals, or where an upcaster is missing
 * @example
 * ```ts
 * const dma = defineMessage('DMA', { says: 'A device reads memory.', fields: z.strictObject({ iova: z.int() }) });
 * dma.version; // 1
 * ```
 */
export function defineMessage<const T extends string, F extends object>(
  type: T,
  { version = 1, says, fields, upcasters = [] }: MessageOptions<F>,
): MessageDefinition<T, F> {
  const refuse = (what: string, field: string): never => {
    throw new GranuleError('DEFINITION_INVALID', what, `message ${type}: ${field}`);
  };
  if (!TYPE.test(type)) refuse(`a message type is written in capitals, as PAGE_IN, not "${type}"`, 'type');
  if (!Number.isSafeInteger(version) || version < 1) refuse(`a version is 1 or more, not ${version}`, 'version');
  if (upcasters.length !== version - 1) {
    refuse(`version ${version} needs ${version - 1} upcasters, and has ${upcasters.length}`, 'upcasters');
  }
  if (typeof says !== 'string' || says === '') refuse('it has no sentence that says what it is', 'says');
  if (typeof fields?.['~standard']?.validate !== 'function') {
    refuse('its fields are no schema: give one of Zod, as z.strictObject({ ... })', 'fields');
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- payloads of messages are objects
  const steps = upcasters as readonly Upcaster[];
  return markDefinition({ definition: 'message', type, version, says, fields, upcasters: steps });
}

/**
 * What a schema says is wrong with a value; null where nothing is.
 *
 * @throws GranuleError DEFINITION_INVALID for a schema that answers later
 * @example
 * ```ts
 * schemaFault(z.strictObject({ iova: z.int() }), { iova: 'x' }, 'message DMA')?.startsWith('iova: '); // true
 * ```
 */
export function schemaFault(schema: Schema, value: unknown, where: string): string | null {
  const answer = schema['~standard'].validate(value);
  if (answer instanceof Promise) {
    throw new GranuleError('DEFINITION_INVALID', 'its schema answers with a promise', where);
  }
  const [issue] = answer.issues ?? [];
  if (issue === undefined) return null;
  const path = (issue.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}

/**
 * A value with what its schema fills in.
 *
 * @throws GranuleError with the code given, naming the field
 * @example
 * ```ts
 * parsedBy(z.strictObject({ streams: z.int().default(4) }), {}, 'TOPOLOGY_INVALID', 'actors.0.input'); // { streams: 4 }
 * ```
 */
export function parsedBy<T>(
  schema: Schema<T>,
  value: unknown,
  code: 'TOPOLOGY_INVALID' | 'MESSAGE_INVALID',
  where: string,
): T {
  const fault = schemaFault(schema, value, where);
  if (fault !== null) throw new GranuleError(code, fault, where);
  const answer = schema['~standard'].validate(value);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it has just been judged, and found without fault
  return (answer as { readonly value: T }).value;
}
