/** Reads protobuf by its schema: a `.proto` is parsed, and bytes are decoded by it and refused where they are not what it says. */

/** A field of a message, as the schema has it. */
interface Field {
  readonly name: string;
  readonly type: string;
  readonly isRepeated: boolean;
  /** The `oneof` that it is one of. */
  readonly oneof: string | null;
}

interface MessageType {
  readonly fields: ReadonlyMap<number, Field>;
}

/** Messages by their full name, enums by theirs. */
export interface Schema {
  readonly messages: ReadonlyMap<string, MessageType>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** A decoded message: by field, lists where it is repeated. */
export interface Decoded {
  readonly [field: string]: unknown;
}

const VARINTS = new Set(['uint32', 'uint64', 'int32', 'int64', 'bool']);

/** Parses messages, enums and oneofs; `reserved`, `extensions` and options say nothing of what may be written. */
export function parseSchema(text: string): Schema {
  const tokens = text.replaceAll(/\/\/.*$/gm, '').match(/"[^"]*"|\w[\w.]*|[{}=;,[\]]/g) ?? [];
  const messages = new Map<string, MessageType>();
  const enums = new Map<string, Map<number, string>>();
  let at = 0;
  const next = (): string => {
    const token = tokens[at++];
    if (token === undefined) throw new Error('the schema ends within a message');
    return token;
  };
  const skipStatement = (): void => {
    while (next() !== ';');
  };
  const readEnum = (scope: string): void => {
    const values = new Map<number, string>();
    enums.set(`${scope}${next()}`, values);
    for (next(); tokens[at] !== '}'; ) {
      const name = next();
      next();
      values.set(Number(next()), name);
      skipStatement();
    }
    next();
  };
  const readMessage = (scope: string): void => {
    const name = `${scope}${next()}`;
    const fields = new Map<number, Field>();
    messages.set(name, { fields });
    next();
    readBody(`${name}.`, fields, null);
  };
  const readField = (fields: Map<number, Field>, oneof: string | null, label: string): void => {
    const hasLabel = label === 'optional' || label === 'repeated' || label === 'required';
    const type = hasLabel ? next() : label;
    const name = next();
    next();
    fields.set(Number(next()), { name, type, isRepeated: label === 'repeated', oneof });
    skipStatement();
  };
  const readBody = (scope: string, fields: Map<number, Field>, oneof: string | null): void => {
    while (tokens[at] !== '}') {
      const word = next();
      if (word === ';') continue;
      if (word === 'message') readMessage(scope);
      else if (word === 'enum') readEnum(scope);
      else if (word === 'oneof') {
        const name = next();
        next();
        readBody(scope, fields, name);
      } else if (/^(?:reserved|extensions|option)$/.test(word)) skipStatement();
      else readField(fields, oneof, word);
    }
    next();
  };
  while (at < tokens.length) {
    const word = next();
    if (word === 'message') readMessage('');
    else if (word === 'enum') readEnum('');
    else skipStatement();
  }
  return { messages, enums };
}

/** The type that a name means inside a message: of its own, or of those around it. */
function resolved<T>(types: ReadonlyMap<string, T>, scope: string, name: string): { name: string; type: T } | null {
  for (let around = scope; ; around = around.split('.').slice(0, -1).join('.')) {
    const full = around === '' ? name : `${around}.${name}`;
    const type = types.get(full);
    if (type !== undefined) return { name: full, type };
    if (around === '') return null;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isDone(): boolean {
    return this.at >= this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined || shift > 63n) throw new Error('a varint does not end');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  fixed64(): bigint {
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8, true);
  }

  double(): number {
    this.at += 8;
    return this.#view.getFloat64(this.at - 8, true);
  }

  delimited(): Uint8Array {
    const length = Number(this.varint());
    this.at += length;
    if (this.at > this.#bytes.length) throw new Error('a field is longer than its message');
    return this.#bytes.subarray(this.at - length, this.at);
  }
}

function wireOf(type: string, isEnum: boolean): number {
  if (isEnum || VARINTS.has(type)) return 0;
  return type === 'fixed64' || type === 'double' ? 1 : 2;
}

/**
 * The message of that name in the bytes.
 *
 * @throws Error for a field, an enum value or a wire type that the schema does not have, and for two fields of one oneof
 */
export function decode(schema: Schema, name: string, bytes: Uint8Array): Decoded {
  const message = schema.messages.get(name);
  if (message === undefined) throw new Error(`the schema has no message ${name}`);
  const made: Record<string, unknown> = {};
  const taken = new Map<string, string>();
  const reader = new Reader(bytes);
  while (!reader.isDone) {
    const tag = Number(reader.varint());
    const field = message.fields.get(tag >>> 3);
    if (field === undefined) throw new Error(`${name} has no field ${tag >>> 3}`);
    const values = resolved(schema.enums, name, field.type)?.type ?? null;
    if ((tag & 7) !== wireOf(field.type, values !== null))
      throw new Error(`${name}.${field.name} is of wire type ${tag & 7}`);
    const other = field.oneof === null ? undefined : taken.get(field.oneof);
    if (other !== undefined && other !== field.name) throw new Error(`${name} has both ${other} and ${field.name}`);
    if (field.oneof !== null) taken.set(field.oneof, field.name);
    const value = valueOf(schema, name, field, values, reader);
    if (field.isRepeated) made[field.name] = [...((made[field.name] as unknown[] | undefined) ?? []), value];
    else if (field.name in made) throw new Error(`${name}.${field.name} is there twice`);
    else made[field.name] = value;
  }
  return made;
}

function valueOf(
  schema: Schema,
  scope: string,
  { name, type }: Field,
  values: ReadonlyMap<number, string> | null,
  reader: Reader,
): unknown {
  if (values !== null) {
    const number = Number(reader.varint());
    const value = values.get(number);
    if (value === undefined) throw new Error(`${scope}.${name} is ${number}, which ${type} does not have`);
    return value;
  }
  if (type === 'bool') return reader.varint() !== 0n;
  if (VARINTS.has(type)) return Number(reader.varint());
  if (type === 'fixed64') return Number(reader.fixed64());
  if (type === 'double') return reader.double();
  const bytes = reader.delimited();
  if (type === 'string') return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  const inner = resolved(schema.messages, scope, type);
  if (inner !== null) return decode(schema, inner.name, bytes);
  // InternedString keeps its text in bytes.
  if (type === 'bytes') return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  throw new Error(`${scope}.${name} is a ${type}, which Granule does not write`);
}
