/** Where the user is: run, seq, actor, view, markers, window and note. The address of the page says it, so that it can be shared. */

/** Everything of a place that goes into the address. */
export interface Place {
  readonly run: string;
  /** The event whose outcome is shown; null before one is chosen. */
  readonly seq: number | null;
  readonly actor: string | null;
  /** Panels that are open on the left and on the right. */
  readonly left: string;
  readonly right: string;
  /** Path into the actor's state that is looked at. */
  readonly path: string;
  /** First and last seq of the timeline's window; null for the whole run. */
  readonly from: number | null;
  readonly to: number | null;
  /** Markers A and B. */
  readonly a: number | null;
  readonly b: number | null;
  /** What whoever made the link wants to say. */
  readonly note: string;
  /** A run that is shown beside the one looked at. */
  readonly other: string | null;
}

/** Where a page begins that is told nothing. */
export const START: Place = {
  run: 'A',
  seq: null,
  actor: null,
  left: 'events',
  right: 'state',
  path: '',
  from: null,
  to: null,
  a: null,
  b: null,
  note: '',
  other: null,
};

const NUMBERS = ['seq', 'from', 'to', 'a', 'b'] as const;
const WORDS = ['run', 'left', 'right', 'path', 'note'] as const;

/**
 * A place as the part of an address behind `#`; what is as at the start is left out.
 *
 * @example
 * ```ts
 * placeText({ ...START, seq: 12, actor: 'mm:200' }); // 'seq=12&actor=mm%3A200'
 * ```
 */
export function placeText(place: Place): string {
  const parts = new URLSearchParams();
  for (const key of Object.keys(START) as (keyof Place)[]) {
    const value = place[key];
    if (value !== null && value !== START[key]) parts.set(key, String(value));
  }
  return parts.toString();
}

/**
 * The place that an address names. What is no number where one is due is as at the start.
 *
 * @example
 * ```ts
 * placeOf('#seq=12&left=metrics').left; // 'metrics'
 * ```
 */
export function placeOf(hash: string): Place {
  const parts = new URLSearchParams(hash.replace(/^#/, ''));
  const place: Record<string, string | number | null> = { ...START };
  for (const key of WORDS) place[key] = parts.get(key) ?? START[key];
  for (const key of NUMBERS) {
    const text = parts.get(key);
    if (text !== null && /^-?\d+$/.test(text)) place[key] = Number(text);
  }
  place['actor'] = parts.get('actor');
  place['other'] = parts.get('other');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was filled in with its own kind
  return place as unknown as Place;
}
