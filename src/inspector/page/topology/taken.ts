/** Which parts of a statechart an event went through: states and lines are named by the paths of their states. */
import type { ChartLine, ChartNow } from '../../engine/views/chart.ts';

/** Whether a state is another one or lies inside it; everything lies in the machine itself. */
function isIn(id: string, outer: string): boolean {
  return id === outer || outer === '' || id.startsWith(`${outer}.`);
}

/**
 * Whether a state is active.
 *
 * @example
 * ```ts
 * isActive('busy', { active: ['', 'busy', 'busy.reading'], event: null, taken: [] }); // true
 * ```
 */
export function isActive(id: string, now: ChartNow | null): boolean {
  return now !== null && now.active.includes(id);
}

/**
 * Whether a drawn line is the way of a transition that was taken: drawn where its ends lie side by side, so that they may be
 * inside the states that it joins.
 *
 * @example
 * ```ts
 * const now = { active: ['', 'b'], event: null, taken: [{ from: 'a.inner', to: ['b'], event: 'GO' }] };
 * isLineTaken({ from: 'a', to: 'b' }, now); // true
 * isLineTaken({ from: 'b', to: 'a' }, now); // false
 * ```
 */
export function isLineTaken({ from, to }: Pick<ChartLine, 'from' | 'to'>, now: ChartNow | null): boolean {
  if (now === null || from === null) return false;
  return now.taken.some((taken) => isIn(taken.from, from) && taken.to.some((target) => isIn(target, to)));
}

/**
 * Whether a line of a state's text tells of a transition that was taken without leaving it.
 *
 * @example
 * ```ts
 * const now = { active: ['', 'a'], event: null, taken: [{ from: 'a', to: [], event: 'TICK' }] };
 * isFactTaken('a', 'TICK, TOCK / count', now); // true
 * isFactTaken('a', 'entry / TICK', now); // false
 * ```
 */
export function isFactTaken(id: string, fact: string, now: ChartNow | null): boolean {
  if (now === null) return false;
  const [messages = ''] = fact.split(/ \[| \/ /, 1);
  const words = messages.split(/[,\s]+/);
  return now.taken.some(({ from, to, event }) => {
    const stays = to.every((target) => isIn(target, id));
    return from === id && stays && (words.includes(event) || (event === '' && words.includes('always')));
  });
}
