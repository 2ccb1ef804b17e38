/** What a query is made of once it is read. `at` is the place in its text. */
import type { PathStep } from '../timeline/statePath.ts';
import type { OrderSign, SumSign } from './globs.ts';

/** The fields of an event. */
export const EVENT_FIELDS = ['seq', 'timeCycles', 'to', 'from', 'cause', 'type', 'payload'] as const;
/** One of them. */
export type EventField = (typeof EVENT_FIELDS)[number];
/** What a state is made of, and what a path into one begins with. */
export const STATE_FIELDS = ['value', 'status', 'context'] as const;

/** A value or a condition over one event, and over those that were named before it. */
export type Expr =
  | { readonly kind: 'literal'; readonly at: number; readonly value: number | string | boolean | null }
  /** A text with stars, or a regular expression: only to be held against. */
  | { readonly kind: 'like'; readonly at: number; readonly text: string; readonly pattern: RegExp }
  | {
      readonly kind: 'field';
      readonly at: number;
      /** Index of a named event; -1 for the event itself. */
      readonly event: number;
      readonly field: EventField;
      readonly steps: readonly PathStep[];
    }
  | {
      readonly kind: 'state';
      readonly at: number;
      readonly event: number;
      readonly when: 'after' | 'before';
      /** Null for the receiver. */
      readonly actor: Expr | null;
      readonly steps: readonly PathStep[];
    }
  | { readonly kind: 'not'; readonly at: number; readonly inner: Expr }
  | { readonly kind: 'and' | 'or'; readonly at: number; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'equal'; readonly at: number; readonly isNot: boolean; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'order'; readonly at: number; readonly sign: OrderSign; readonly left: Expr; readonly right: Expr }
  | { readonly kind: 'sum'; readonly at: number; readonly sign: SumSign; readonly left: Expr; readonly right: Expr }
  | {
      readonly kind: 'oneOf';
      readonly at: number;
      readonly isNot: boolean;
      readonly left: Expr;
      readonly items: Expr[];
    }
  | {
      readonly kind: 'range';
      readonly at: number;
      readonly isNot: boolean;
      readonly left: Expr;
      readonly low: Expr;
      readonly high: Expr;
    }
  | { readonly kind: 'changed' | 'became'; readonly at: number; readonly inner: Expr };

/** An event of a pattern: its condition, and the name that later conditions call it by. */
export interface Operand {
  readonly condition: Expr;
  readonly name: string | null;
  /** Its place among the named events of the pattern. */
  readonly index: number;
}

/** Units of a distance. */
export const UNITS = ['cycles', 'events', 'ns', 'us', 'ms'] as const;

/** How far two events may lie apart. */
export interface Distance {
  readonly count: number;
  readonly unit: (typeof UNITS)[number];
}

/** What must, or must not, come before or after the event. */
export interface Clause {
  readonly kind: 'preceded' | 'followed' | 'between' | 'after';
  readonly at: number;
  readonly isNot: boolean;
  readonly first: Operand;
  /** The end of an interval; null for `preceded` and `followed`. */
  readonly second: Operand | null;
  readonly within: Distance | null;
}

/** Which of the events found. */
export type Selection =
  | { readonly kind: 'first' | 'last'; readonly count: number }
  | { readonly kind: 'nth'; readonly count: number };

/** A whole query. */
export interface Query {
  readonly text: string;
  readonly selection: Selection | null;
  readonly main: Operand;
  readonly clauses: readonly Clause[];
  /** What to count by, with the text of each; null where nothing is counted, empty for one count of all. */
  readonly countBy: readonly { readonly text: string; readonly value: Expr }[] | null;
}
