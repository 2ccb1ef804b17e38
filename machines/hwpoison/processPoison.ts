/**
 * What a process does with the signal of a memory error: a handler runs, or it waits for the way back to user mode and ends the
 * process there.
 *
 * @models D-18
 */
import { invariant } from '../../src/errors.ts';
import type { ProcessContext } from '../processState.ts';
import { reviseProcess } from '../reviseCpu.ts';
import { assertType, handle } from '../support.ts';

const SIGBUS = 7;

/** SIGBUS has come: of a process with a handler nothing is skipped. */
export const mceSignal = handle<ProcessContext>((context, event) => {
  assertType(event, 'MCE_SIGNAL');
  const { code, va } = event;
  return reviseProcess(context, (draft) => {
    if (context.signals === 'skip') draft.signalsHandled = context.signalsHandled + 1;
    else draft.pending = { signal: SIGBUS, code, va };
  });
});

/** The signal that was pending ends the process. */
export const takePending = handle<ProcessContext>((context) => {
  const { pending } = context;
  invariant(pending !== undefined, 'a signal that is taken was pending');
  return reviseProcess(context, (draft) => {
    delete draft.pending;
    draft.signal = pending.signal;
    draft.signalCode = pending.code;
    draft.signalVa = pending.va;
  });
});
