/**
 * Which transitions a state has, and which states each leaves and enters, for machines without parallel and history states. Follows
 * getCandidates, computeExitSet, computeEntrySet, getTransitionDomain and getStateValue of XState 5.33.3.
 */

import { matchesWildcard } from './wildcard.ts';
import type { StateNode, Transition } from './xstateInternals.ts';

/** A state that is entered; `isDefault`: its initial transition is taken as well. */
export interface Entered {
  readonly node: StateNode;
  readonly isDefault: boolean;
}

function isDescendant(node: StateNode, ancestor: StateNode): boolean {
  for (let up = node.parent; up !== undefined; up = up.parent) if (up === ancestor) return true;
  return false;
}

/**
 * The innermost state that a transition with one target stays within; null for a transition that leaves the root itself.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ id: 'm', initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } }));
 * const [transition] = root.states['a']?.transitions.get('GO') ?? [];
 * transition === undefined ? null : domainOf(transition, root.states['b'])?.id; // 'm'
 * ```
 */
export function domainOf(transition: Transition, target: StateNode): StateNode | null {
  const { source } = transition;
  if (!transition.reenter && (target === source || isDescendant(target, source))) return source;
  for (let up = target.parent; up !== undefined; up = up.parent) if (isDescendant(source, up)) return up;
  return null;
}

/**
 * The active states that are left, the innermost first.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ id: 'm', initial: 'a', states: { a: {} } }));
 * exitSetOf([root, root.states['a']], root).map((node) => node.id); // ['m.a']
 * ```
 */
export function exitSetOf(nodes: readonly StateNode[], domain: StateNode): StateNode[] {
  return nodes.filter((node) => isDescendant(node, domain)).sort((left, right) => right.order - left.order);
}

/**
 * The states that are entered, the outermost first.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ id: 'm', initial: 'a', states: { a: { on: { GO: 'b' } }, b: {} } }));
 * const [transition] = root.states['a']?.transitions.get('GO') ?? [];
 * transition === undefined ? [] : entrySetOf(transition, root.states['b'], root).map(({ node }) => node.id); // ['m.b']
 * ```
 */
export function entrySetOf(transition: Transition, target: StateNode, domain: StateNode): Entered[] {
  const entered: Entered[] = [];
  if (target !== domain) {
    for (let up = target.parent; up !== domain && up !== undefined; up = up.parent) {
      entered.push({ node: up, isDefault: false });
    }
  }
  if (transition.source !== target || transition.source !== domain || transition.reenter) {
    entered.push({ node: target, isDefault: true });
  }
  for (let node = target; node.type === 'compound'; ) {
    node = node.initial.target[0];
    entered.push({ node, isDefault: true });
  }
  return entered.sort((left, right) => left.node.order - right.node.order);
}

/**
 * The state value of a chain of states, the innermost first.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ initial: 'a', states: { a: {} } }));
 * valueOf([root.states['a'], root]); // 'a'
 * ```
 */
export function valueOf(path: readonly StateNode[]): unknown {
  let value: unknown;
  for (const node of path) {
    if (node.parent === undefined) break;
    value = value === undefined ? node.key : { [node.key]: value };
  }
  return value ?? {};
}

/**
 * The states in which a machine begins.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ id: 'm', initial: 'a', states: { a: {} } }));
 * firstNodes(root).map((node) => node.id); // ['m', 'm.a']
 * ```
 */
export function firstNodes(root: StateNode): StateNode[] {
  const nodes = [root];
  for (let node = root; node.type === 'compound'; ) {
    node = node.initial.target[0];
    nodes.push(node);
  }
  return nodes;
}

/**
 * The transitions of a state for an event type, in the order in which they are asked: those of the exact name, then wildcards, the
 * longer ones first.
 *
 * @example
 * ```ts
 * const { root } = internalsOf(createMachine({ on: { '*': {}, 'mm.*': {}, 'mm.fault': {} } }));
 * candidatesOf(root, 'mm.fault').map(({ eventType }) => eventType); // ['mm.fault', 'mm.*', '*']
 * ```
 */
export function candidatesOf(node: StateNode, type: string): readonly Transition[] {
  const wildcards = [...node.transitions.keys()]
    .filter((descriptor) => descriptor !== type && matchesWildcard(type, descriptor))
    .sort((left, right) => right.length - left.length);
  return [type, ...wildcards].flatMap((descriptor) => node.transitions.get(descriptor) ?? []);
}
