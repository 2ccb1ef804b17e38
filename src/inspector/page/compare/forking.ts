/** Forks the run that is looked at, and shows the fork beside it. */
import { signal } from '@preact/signals';
import type { ForkChange } from '../../../timeline/forkPlan.ts';
import { showBeside } from '../pair.ts';
import { info, link, move, refreshRuns, seq, tell } from '../store.ts';

/** A fork is being played. */
export const isForking = signal(false);

/** Forks behind the present event; true once the fork is open. What goes wrong is told. */
export async function forkHere(changes: readonly ForkChange[]): Promise<boolean> {
  const run = info.value;
  if (run === null || link.value === null) return false;
  isForking.value = true;
  try {
    const opened = await link.value.ask('fork', { run: run.run, at: seq.value, changes });
    await refreshRuns();
    showBeside(opened.run);
    move({ right: 'compare' });
    return true;
  } catch (error) {
    tell(error);
    return false;
  } finally {
    isForking.value = false;
  }
}
