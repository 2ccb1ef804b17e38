/** Text of drawings, as wide as it was taken for when its box was made, whatever fonts there are. */
import { textWidth } from '../../../report/graph/textWidth.ts';

/** Attributes of an element of text. */
export interface WideText {
  readonly textLength: number;
  readonly lengthAdjust: 'spacingAndGlyphs';
}

/**
 * The attributes that keep a text to its width.
 *
 * @example
 * ```ts
 * wide('zone', 10).textLength; // 21.68
 * ```
 */
export function wide(text: string, size: number, isBold = false): WideText {
  return { textLength: textWidth(text, size, isBold), lengthAdjust: 'spacingAndGlyphs' };
}
