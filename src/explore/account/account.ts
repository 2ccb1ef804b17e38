/** An account of what a search found: who did what in which order, what broke, and why. Plain data, told by `tell.ts`. */

/** Something that was done, by whom. */
export interface AccountStep {
  /** On whose behalf: `process 1`, `kswapd`; of a plain model, the owner of the action. */
  readonly who: string;
  readonly text: string;
  /** What it means, where the vocabulary says it. */
  readonly says: string;
  /** What happened before it that is not told: counts, in words; empty for nothing. */
  readonly before: string;
}

/** A part of an account that is a list of lines under a heading. */
export interface AccountPart {
  readonly heading: string;
  readonly lines: readonly string[];
  /** Lines that are text of a terminal: commands and events. */
  readonly isLiteral: boolean;
}

/** An account. */
export interface Account {
  readonly title: string;
  /** Of the property that broke: its sentence. */
  readonly says: string;
  /** What was seen instead. */
  readonly fault: string;
  readonly setting: readonly string[];
  readonly steps: readonly AccountStep[];
  /** How many events there are, and how many of them are told. */
  readonly told: string;
  readonly parts: readonly AccountPart[];
}

/**
 * How a property that is broken is called in a title.
 *
 * @example
 * ```ts
 * titleOf('two-writers', { property: 'no-lost-dirty', kind: 'always' }); // 'two-writers: no-lost-dirty is broken'
 * titleOf('two-writers', { property: 'progress', kind: 'livelock' }); // 'two-writers: a livelock'
 * ```
 */
export function titleOf(
  name: string,
  { property, kind }: { readonly property: string; readonly kind: string },
): string {
  if (kind === 'livelock') return `${name}: a livelock`;
  if (kind === 'sometimes') return `${name}: how ${property} comes about`;
  if (kind === 'eventually') return `${name}: ${property} never comes about`;
  if (kind === 'at-end') return `${name}: ${property} is broken in the end`;
  return `${name}: ${property} is broken`;
}
