/** Where in which text each field of a merged topology was written. */
import type { MergeRecord } from './merge.ts';
import type { FieldPath, TextPlace } from './text.ts';

/** A text, and what is in it. */
export interface OriginText {
  /** Path of the file, or what names the data. */
  file: string;
  data: unknown;
  /** Null where the data came from no text. */
  placeOf: ((path: FieldPath) => TextPlace) | null;
}

/** A place in a file. */
export interface FilePlace {
  file: string;
  /** Null where the data came from no text. */
  at: TextPlace | null;
}

interface Origin {
  text: OriginText;
  path: FieldPath;
}

function isContainer(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

/**
 * Finds the place of a field of a merged topology: in the text that said it last.
 *
 * @example
 * ```ts
 * const text = { file: 'a.json', data: { cpus: 2 }, placeOf: () => ({ line: 3, column: 5 }) };
 * new Origins([text], newMergeRecord()).placeOf(text.data, ['cpus']); // { file: 'a.json', at: { line: 3, column: 5 } }
 * ```
 */
export class Origins {
  readonly #texts: readonly OriginText[];
  readonly #record: MergeRecord;
  #known: Map<object, Origin> | null = null;

  /** @param texts the nearest last, as they are merged */
  constructor(texts: readonly OriginText[], record: MergeRecord) {
    this.#texts = texts;
    this.#record = record;
  }

  /** The place of a field of `merged`, or of the nearest one around it that was written. */
  placeOf(merged: unknown, path: FieldPath): FilePlace {
    let place = this.#top();
    let node = merged;
    for (const step of path) {
      if (!isContainer(node)) break;
      const inner: unknown = node[step];
      // Of an item of a merged list only the item itself knows where it was written.
      const [own] = isContainer(inner) ? this.#originsOf(inner) : [];
      const around = this.#originsOf(node).find(({ text, path: at }) => this.#has(text, at, step));
      if (own !== undefined) place = this.#placed(own);
      else if (around !== undefined) place = this.#placed({ text: around.text, path: [...around.path, step] });
      else break;
      node = inner;
    }
    return place;
  }

  /** The place of a part of one of the texts. */
  placeOfPart(part: object): FilePlace {
    const [origin] = this.#originsOf(part);
    return origin === undefined ? this.#top() : this.#placed(origin);
  }

  #top(): FilePlace {
    const text = this.#texts.at(-1);
    return { file: text?.file ?? '', at: text?.placeOf?.([]) ?? null };
  }

  #placed({ text, path }: Origin): FilePlace {
    return { file: text.file, at: text.placeOf?.(path) ?? null };
  }

  #has({ data }: OriginText, path: FieldPath, step: string | number): boolean {
    const around = path.reduce<unknown>((inner, each) => (isContainer(inner) ? inner[each] : undefined), data);
    return isContainer(around) && Object.hasOwn(around, step);
  }

  #originsOf(node: object): readonly Origin[] {
    this.#known ??= this.#read();
    const known = this.#known.get(node);
    if (known !== undefined) return [known];
    return (this.#record.from.get(node) ?? []).flatMap((source) => this.#originsOf(source));
  }

  #read(): Map<object, Origin> {
    const known = new Map<object, Origin>();
    const visit = (value: unknown, text: OriginText, path: FieldPath): void => {
      if (!isContainer(value) || known.has(value)) return;
      known.set(value, { text, path });
      for (const [step, inner] of Object.entries(value)) visit(inner, text, [...path, step]);
    };
    for (const text of this.#texts) visit(text.data, text, []);
    return known;
  }
}
