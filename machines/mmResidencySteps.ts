/** The steps of mincore: what the table holds, then what swap and the page cache hold. */
import { invariant } from '../src/errors.ts';
import { kindOfEntry } from '../src/mm/nonPresent.ts';
import { PTE } from '../src/mm/pte.ts';
import { mmOf } from './addresses.ts';
import { actorOfFile } from './fileState.ts';
import type { Message, PteRun } from './messages.ts';
import { type CallJob, type CallStep, tableDone, waits } from './mmCallJob.ts';
import { effectOf, fileWindow } from './mmEffectParts.ts';
import { nextEffect } from './mmPlan.ts';
import { residencyBytes } from './mmResidency.ts';
import { ask, type MmContext } from './mmState.ts';
import { reviseJob } from './reviseWork.ts';
import type { Send } from './support.ts';

type StepHandler = (context: MmContext, job: CallJob, event: Message, send: Send) => CallStep;

/** Asks swap about slots first, where there are any. */
function residencyKnown(context: MmContext, job: CallJob, runs: PteRun[], send: Send): CallStep {
  const swapped = runs.filter(({ flags }) => kindOfEntry(flags) === 'swap');
  if (swapped.length === 0) return residencyRuns(context, job, runs, send);
  const sender = mmOf(context.pid);
  const slots = swapped.map(({ pfn, nr }) => ({ offset: pfn, nr }));
  const message = (request: number): Message => ({ type: 'SWAP_RESIDENT', sender, request, slots });
  const next = reviseJob(job, (draft) => {
    draft.runs = runs;
  });
  return waits(ask(context, next, 'residencySwap', 'swap', message, send));
}

/** The parts of a run of swap entries whose slots are in the swap cache, as if they were present. */
function cachedParts(context: MmContext, run: PteRun, cached: readonly { offset: number; nr: number }[]): PteRun[] {
  return cached.flatMap(({ offset, nr }) => {
    const from = Math.max(offset, run.pfn);
    const to = Math.min(offset + nr, run.pfn + run.nr);
    if (from >= to) return [];
    const va = run.va + (from - run.pfn) * context.kernelPageBytes;
    return [{ va, pfn: from, nr: to - from, flags: PTE.VALID }];
  });
}

function residencyRuns(context: MmContext, job: CallJob, runs: PteRun[], send: Send): CallStep {
  const effect = effectOf(job, 'residency');
  const isFile = typeof context.vmas.find(effect.startVa)?.file === 'string';
  if (!isFile) {
    const bytes = residencyBytes(context, effect, runs, []);
    return nextEffect(
      context,
      reviseJob(job, (draft) => {
        draft.data = [...job.data, ...bytes];
      }),
      send,
    );
  }
  const { file, ...window } = fileWindow(context, effect);
  const message = (request: number): Message => ({ type: 'RESIDENT', file, request, ...window });
  return waits(
    ask(
      context,
      reviseJob(job, (draft) => {
        draft.runs = runs;
      }),
      'residentKnown',
      actorOfFile(file),
      message,
      send,
    ),
  );
}

/** The steps, by the name that the job waits under. */
export const residencySteps: Partial<Record<string, StepHandler>> = {
  /** Where no entry is, the page cache of the file is asked (`__mincore_unmapped_range`). */
  residencyRead: (context, job, event, send) => {
    return residencyKnown(context, job, tableDone(event).set, send);
  },

  /** A page that is in the swap cache counts as there (`mincore_pte_range`). */
  residencySwap: (context, job, event, send) => {
    invariant(event.type === 'SWAP_CACHED', 'swap answers with the slots that are cached');
    const cached = event.slots;
    const runs = job.runs.flatMap((run) =>
      kindOfEntry(run.flags) === 'swap' ? cachedParts(context, run, cached) : [run],
    );
    return residencyRuns(context, job, runs, send);
  },

  residentKnown: (context, job, event, send) => {
    invariant(event.type === 'RESIDENT_PAGES', 'a file answers with the pages that are there');
    const effect = effectOf(job, 'residency');
    const bytes = residencyBytes(context, effect, job.runs, event.runs);
    return nextEffect(
      context,
      reviseJob(job, (draft) => {
        draft.runs = [];
        draft.data = [...job.data, ...bytes];
      }),
      send,
    );
  },
};
