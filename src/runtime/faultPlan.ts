/**
 * Fault plans: what goes wrong on which wire, as plain data. A plan is part of the topology and so of the log's header; what
 * its rules draw comes from their seeds, so that a run with faults is the same run each time.
 */

import type { Address, Message } from './envelope.ts';
import type { RandomState } from './random.ts';
import type { Where } from './where.ts';

/** Which messages a rule is about. An address is exact, or a prefix that ends in `*`: `tlb:*`; `*` alone is every actor. */
export interface WirePattern {
  readonly from: string;
  readonly to: string;
  /** Absent: every type; `!TLBI`: every type but that. */
  readonly type?: string | undefined;
}

/** Which messages a rule is about, and where it comes from. */
export interface RuleScope {
  readonly wire: WirePattern;
  /** Only messages whose fields are so. */
  readonly where?: Where | undefined;
  /** The named plan that the rule is of, as it was written; nothing reads it but people. */
  readonly named?: { readonly plan: string; readonly [parameter: string]: unknown } | undefined;
}

/**
 * Which of the matching messages a rule strikes: the nth (counted from 1, per rule), or each with a probability. Neither:
 * all of them.
 */
export interface Occasion {
  readonly nth?: number | undefined;
  readonly probability?: number | undefined;
  /** Of the draws. */
  readonly seed?: number | undefined;
}

/** The match does not arrive. */
export type DropRule = RuleScope & Occasion & { readonly op: 'drop' };
/** The match is due `delayCycles` later. */
export type DelayRule = RuleScope & Occasion & { readonly op: 'delay'; readonly delayCycles: number };
/** A second copy follows the first after `delayCycles`. */
export type DuplicateRule = RuleScope & Occasion & { readonly op: 'duplicate'; readonly delayCycles: number };
/** Held back by a drawn 1 to `windowCycles`, so that later messages of the wire may overtake it. */
export type ReorderRule = RuleScope & Occasion & { readonly op: 'reorder'; readonly windowCycles: number };
/** Changes nothing: announces what passes on `system.observed$` under `name`. */
export type ObserveRule = RuleScope & Occasion & { readonly op: 'observe'; readonly name: string };
/** Changes nothing: announces every `every`th match on `system.observed$`. To take messages away, `drop` with a probability. */
export type SampleRule = RuleScope & { readonly op: 'sample'; readonly name: string; readonly every: number };
/** Of the wire's messages those alone pass that satisfy `keep`, or those that do not satisfy `drop`. One of the two is given. */
export type FilterRule = Omit<RuleScope, 'where'> & {
  readonly op: 'filter';
  readonly keep?: Where | undefined;
  readonly drop?: Where | undefined;
};
/**
 * Matches that are due within a stretch of time arrive at its end. The stretch is `fromCycles` to `untilCycles`, or begins
 * when the nth match is due and lasts `forCycles`.
 */
export type HoldRule = RuleScope & {
  readonly op: 'hold';
  readonly fromCycles?: number | undefined;
  readonly untilCycles?: number | undefined;
  readonly nth?: number | undefined;
  readonly forCycles?: number | undefined;
};
/** Another message is sent as well, from outside, due `delayCycles` (0) from now; the match goes its way. */
export type InjectRule = RuleScope &
  Occasion & {
    readonly op: 'inject';
    readonly to: Address;
    readonly message: Message;
    readonly delayCycles?: number | undefined;
  };
/**
 * The match does not arrive; in its place `message` comes back to its sender, as if from the receiver, with the fields `copy`
 * of the match, due `delayCycles` (0) after the match was.
 */
export type AnswerRule = RuleScope &
  Occasion & {
    readonly op: 'answer';
    readonly message: Message;
    readonly copy?: readonly string[] | undefined;
    readonly delayCycles?: number | undefined;
  };
/** Power fails: nothing is delivered behind the record `atSeq`, or behind the one whose handling sent the match. */
export type StopRule = Partial<RuleScope> & Occasion & { readonly op: 'stop'; readonly atSeq?: number | undefined };

/** One rule of a fault plan. Times in cycles. */
export type FaultRule =
  | DropRule
  | DelayRule
  | DuplicateRule
  | ReorderRule
  | ObserveRule
  | SampleRule
  | FilterRule
  | HoldRule
  | InjectRule
  | AnswerRule
  | StopRule;

/** Rules in the order in which a message meets them. */
export type FaultPlan = readonly FaultRule[];

/** A message that is not yet on its way: what the operators of a wire work on. */
export interface Outgoing {
  readonly from: Address;
  readonly to: Address;
  readonly message: Message;
  readonly delayCycles: number;
  readonly sendId: string | null;
}

/** The moving part of a rule: plain data, for checkpoints. */
export interface FaultRuleState {
  readonly matched: number;
  readonly random: RandomState;
  /** Of `hold`: when the stretch began that an event began. */
  readonly heldFromCycles?: number;
  /** Of `stop`: how many records the run has. */
  readonly endSeq?: number;
}

/**
 * True when an address fits a pattern.
 *
 * @example
 * ```ts
 * matchesAddress('tlb:*', 'tlb:3'); // true
 * ```
 */
export function matchesAddress(pattern: string, address: Address): boolean {
  return pattern.endsWith('*') ? address.startsWith(pattern.slice(0, -1)) : pattern === address;
}

/**
 * True when a type fits that of a pattern.
 *
 * @example
 * ```ts
 * matchesType('!TLBI', 'RUN'); // true
 * ```
 */
export function matchesType(pattern: string | undefined, type: string): boolean {
  if (pattern === undefined) return true;
  return pattern.startsWith('!') ? pattern.slice(1) !== type : pattern === type;
}

/** Tells by its addresses and type whether a message travels on a wire. */
export type WireTest = (outgoing: Outgoing) => boolean;

function always(): boolean {
  return true;
}

function addressTest(pattern: string): (address: Address) => boolean {
  if (pattern === '*') return always;
  if (!pattern.endsWith('*')) return (address) => address === pattern;
  const prefix = pattern.slice(0, -1);
  return (address) => address.startsWith(prefix);
}

/**
 * The test of a pattern, made once: every message of a wire goes through it.
 *
 * @example
 * ```ts
 * const isTlbi = wireTest({ from: '*', to: 'tlb:*', type: 'TLBI' });
 * isTlbi({ from: 'mmu:1', to: 'tlb:0', message: { type: 'TLBI' }, delayCycles: 0, sendId: null }); // true
 * ```
 */
export function wireTest({ from, to, type }: WirePattern): WireTest {
  if (from === '*' && to === '*' && type === undefined) return always;
  const [isFrom, isTo] = [addressTest(from), addressTest(to)];
  return (outgoing) => matchesType(type, outgoing.message.type) && isFrom(outgoing.from) && isTo(outgoing.to);
}
