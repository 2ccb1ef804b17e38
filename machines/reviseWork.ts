/** Work under way that differs from other work by a few fields; see revise.ts. */
import type { CallInFlight } from './abiState.ts';
import type { FileOperation } from './fileState.ts';
import type { Job } from './mmState.ts';

function copyOperation(from: FileOperation): FileOperation {
  const copy: FileOperation = {
    message: from.message,
    answered: from.answered,
    folios: from.folios,
    ahead: from.ahead,
    runs: from.runs,
    rereadPages: from.rereadPages,
    major: from.major,
    failed: from.failed,
    eof: from.eof,
    errno: from.errno,
    doneBytes: from.doneBytes,
  };
  if (from.kept !== undefined) copy.kept = from.kept;
  if (from.rounds !== undefined) copy.rounds = from.rounds;
  return copy;
}

/**
 * An operation on a file that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const operation = newOperation({ type: 'SYNC_FILE', file: 'a', sender: 'abi', request: 1 });
 * reviseOperation(operation, (draft) => {
 *   draft.major = true;
 * }).major; // true
 * ```
 */
export function reviseOperation(from: FileOperation, change: (draft: FileOperation) => void): FileOperation {
  const draft = copyOperation(from);
  change(draft);
  return draft;
}

function copyCall(from: CallInFlight): CallInFlight {
  const copy: CallInFlight = {
    pid: from.pid,
    cpu: from.cpu,
    call: from.call,
    awaits: from.awaits,
    asleep: from.asleep,
    copies: from.copies,
    access: from.access,
    doneBytes: from.doneBytes,
    at: from.at,
    advancedBytes: from.advancedBytes,
    short: from.short,
    result: from.result,
    data: from.data,
    counts: from.counts,
  };
  if (from.filling !== undefined) copy.filling = from.filling;
  return copy;
}

/**
 * A call that differs by what `change` writes to its draft.
 *
 * @example
 * ```ts
 * const call = newCall(1, 0, { op: 'exit', status: 0 });
 * reviseCall(call, (draft) => {
 *   draft.asleep = true;
 * }).asleep; // true
 * ```
 */
export function reviseCall(from: CallInFlight, change: (draft: CallInFlight) => void): CallInFlight {
  const draft = copyCall(from);
  change(draft);
  return draft;
}

function copyJob(from: Job): Job {
  const { awaits, step, asleep, ptesWritten } = from;
  switch (from.kind) {
    case 'fault':
      if (from.tid !== undefined) return { ...from };
      return { awaits, step, asleep, ptesWritten, kind: from.kind, walk: from.walk, cpu: from.cpu, fault: from.fault };
    case 'call':
      if (from.copies !== undefined || from.moving !== undefined) return { ...from };
      return {
        awaits,
        step,
        asleep,
        ptesWritten,
        kind: from.kind,
        request: from.request,
        call: from.call,
        effects: from.effects,
        result: from.result,
        data: from.data,
        files: from.files,
        created: from.created,
        populate: from.populate,
        fault: from.fault,
        errno: from.errno,
        runs: from.runs,
      };
    default:
      return {
        awaits,
        step,
        asleep,
        ptesWritten,
        kind: from.kind,
        parent: from.parent,
        request: from.request,
        runs: from.runs,
        files: from.files,
        unmapped: from.unmapped,
      };
  }
}

/**
 * A job of an mm that differs by what `change` writes to its draft; it stays a job of its kind.
 *
 * @example
 * ```ts
 * const base = { awaits: 1, step: 'set', asleep: false, ptesWritten: 0 };
 * const job = { ...base, kind: 'forked' as const, parent: 'mm:1', request: 1, runs: [], files: [], unmapped: [] };
 * reviseJob(job, (draft) => {
 *   draft.asleep = true;
 * }).asleep; // true
 * ```
 */
export function reviseJob<J extends Job>(from: J, change: (draft: J) => void): J {
  const draft = copyJob(from) as J;
  change(draft);
  return draft;
}
