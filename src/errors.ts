/**
 * The one error table. Every failure a user can cause has a row here: a stable code, what it means, and what to do next.
 * The CLI prints `code: what (where). next`, exits 2 for bad usage or bad input, and 1 for a check that failed.
 */
const ERROR_TABLE = {
  USAGE: { exit: 2, next: 'Run the command with --help.' },
  FILE_NOT_FOUND: { exit: 2, next: 'Check the path.' },
  FILE_UNREADABLE: { exit: 2, next: 'Check the permissions of the file and of its folder.' },
  OUTPUT_UNWRITABLE: { exit: 2, next: 'Choose another path with --out; what was there before is unchanged.' },
  FILE_EXISTS: { exit: 2, next: 'Choose another name or folder, or move the file away; it is unchanged.' },
  DISK_FULL: { exit: 2, next: 'Free some space and run again; what was there before is unchanged.' },
  VALGRIND_MISSING: { exit: 2, next: 'Install the Debian package "valgrind".' },
  COMMAND_FAILED: { exit: 2, next: 'Run the command by itself to see why.' },
  TRACE_EMPTY: { exit: 2, next: 'Record it again: there is not one memory access in it.' },
  TRACE_MALFORMED: { exit: 2, next: 'Mend or cut the line named, or import with the right --format.' },
  TRACE_GZIP_BROKEN: { exit: 2, next: 'Copy the file again: gzip says it is cut short or damaged.' },
  TRACE_DAMAGED: { exit: 2, next: 'Import the trace again from its source.' },
  TRACE_VERSION: {
    exit: 2,
    next: 'Import it again with this version of granule, or open it with the one that wrote it.',
  },
  TRACE_MISSING: { exit: 2, next: 'Give the folder that holds it with --traces DIR.' },
  TRACE_CHANGED: { exit: 2, next: 'Find the file with the recorded hash, or run the topology again on this one.' },
  TRACE_LAYOUT: { exit: 2, next: 'Lay it out again from the trace as it was recorded.' },
  ELF_NOT_ELF: { exit: 2, next: 'Give a program or a shared library, not a script or a link to one.' },
  ELF_MALFORMED: { exit: 2, next: 'Copy the file again: it is cut short or damaged.' },
  ANSWERS_MALFORMED: { exit: 2, next: 'Mend or cut the line named; docs/validation.md describes the format.' },
  LOG_EMPTY: { exit: 2, next: 'Run the topology again.' },
  LOG_NOT_A_LOG: { exit: 2, next: 'Give a file that granule run wrote (.glog).' },
  LOG_VERSION: { exit: 2, next: 'Open it with the version of granule that wrote it, or run the topology again.' },
  LOG_DAMAGED: { exit: 1, next: 'Use "granule verify LOG" to see what is whole; copy the file again from its source.' },
  NOTES_INVALID: { exit: 2, next: 'Mend the field named, or move the file away: notes are then begun anew.' },
  LOG_TOO_LARGE: { exit: 2, next: 'Split the run.' },
  SEQ_OUT_OF_RANGE: { exit: 2, next: 'Use "granule info LOG" to see the first and last seq.' },
  ACTOR_UNKNOWN: { exit: 2, next: 'Use "granule info LOG" to see the actors.' },
  QUERY_INVALID: { exit: 2, next: 'Mend the query at the column named; docs/query.md has the language.' },
  DUCKDB_MISSING: {
    exit: 2,
    next: 'Run "npm install @duckdb/node-api" where granule is installed, or query without --sql.',
  },
  SQL_FAILED: { exit: 2, next: 'Mend the statement; docs/query.md has the tables and their columns.' },
  TOPOLOGY_INVALID: { exit: 2, next: 'Mend the field named; docs/topology.md lists every field.' },
  TOPOLOGY_UNKNOWN: { exit: 2, next: 'Give a file, or one of the names that "granule run --list" prints.' },
  TOPOLOGY_ACTOR_UNKNOWN: { exit: 2, next: 'Add the actor, or name one that the topology has.' },
  TOPOLOGY_PAGE_SIZE: { exit: 2, next: 'A process page is 4K, 16K or 64K and never smaller than the kernel page.' },
  TOPOLOGY_NO_TAKER: { exit: 2, next: 'Send it to an actor whose kind takes that message.' },
  EXTENDS_UNKNOWN: { exit: 2, next: 'Give a path relative to the file, or the name of a topology of the package.' },
  EXTENDS_CYCLE: { exit: 2, next: 'Let one of the files extend nothing, or something else.' },
  EXTENDS_NOTHING: { exit: 2, next: 'Name an item that the base has, or take "$remove" out.' },
  PARAMETER_UNKNOWN: { exit: 2, next: 'Name a parameter that the topology has; "granule check FILE" lists them.' },
  PARAMETER_MISSING: { exit: 2, next: 'Give it with --set NAME=VALUE, or give it a default.' },
  PARAMETER_UNUSED: { exit: 2, next: 'Write "${NAME}" where its value belongs, or take it out.' },
  PARAMETER_VALUE: { exit: 2, next: 'Give one of the values that it can have.' },
  TOPOLOGY_PORT: {
    exit: 2,
    next: 'Bind the port named to an actor that takes what it sends; docs/compose.md tells how.',
  },
  TOPOLOGY_OWNER: { exit: 2, next: 'Leave one of the two: what is named has one owner.' },
  TOPOLOGY_OPEN: {
    exit: 2,
    next: 'Add the actor that sends it, or take the message out of what the definition accepts.',
  },
  DEFINITION_INVALID: { exit: 2, next: 'Mend the field of the definition; docs/compose.md has every field.' },
  DEFINITION_MISSING: { exit: 2, next: 'Name the module that defines it in "uses", or give it with --uses FILE.' },
  MODULE_NOT_FOUND: { exit: 2, next: 'Check the name in "uses"; give the folder or the file with --uses.' },
  MODULE_FAILED: { exit: 2, next: 'Run the module with node by itself to see why.' },
  MESSAGE_UNDECLARED: { exit: 1, next: 'Name the message in a port of the definition, or do not send it.' },
  MESSAGE_INVALID: { exit: 1, next: 'Send the fields that the definition of the message has.' },
  MESSAGE_NO_TAKER: { exit: 1, next: 'A machine sent a message that its target cannot take: report it with the log.' },
  SWEEP_KEY_UNKNOWN: { exit: 2, next: 'Name a field of the topology; docs/topology.md lists every one.' },
  SWEEP_VALUE_INVALID: { exit: 2, next: 'Give values that the field can have; docs/topology.md says which.' },
  SWEEP_POINT_INVALID: { exit: 2, next: 'Give other values, or --skip-invalid to leave such points out.' },
  EXPORT_TOO_LONG: { exit: 2, next: 'Choose a shorter stretch with --from and --until, or one actor or type.' },
  SHARE_TOO_LARGE: {
    exit: 2,
    next: 'Run a shorter topology, or hand over the log and its traces for "granule inspect".',
  },
  SCENARIO_INVALID: { exit: 2, next: 'Mend the field named; docs/scenarios.md has the form of a scenario.' },
  SCENARIO_UNKNOWN: { exit: 2, next: 'Give ids of docs/scenarios.md, as S-36, or none for all.' },
  SCENARIO_FIGURE: { exit: 2, next: 'Name a figure that the step has; "granule scenarios ID --json" lists them.' },
  REPORT_NOTHING: { exit: 2, next: 'Give a folder that "granule scenarios --out DIR" filled, or logs (.glog).' },
  JOURNAL_OTHER: {
    exit: 2,
    next: 'Choose another --out, or give --force: points that both have are then not run again.',
  },
  JOURNAL_DAMAGED: { exit: 2, next: 'Cut the line named: its point is run again. Or remove the file.' },
  WORKER_DIED: {
    exit: 1,
    next: 'Give fewer --workers, or Node more memory, and the same command again: a sweep runs only what is missing.',
  },
  PARENT_MISSING: {
    exit: 2,
    next: 'Put the log that it goes on from beside it, or name that with --parent FILE; "granule info" prints its head hash.',
  },
  FORK_CHANGE: { exit: 2, next: 'Use "granule fork LOG --at SEQ --list" to see what can be changed there.' },
  FORK_SETTING: {
    exit: 2,
    next: 'Run anew from the start with it: give --at start with the same --set, and hold both runs together with "granule compare".',
  },
  EXPLORE_FAULT_PLAN: { exit: 2, next: 'Take the rule out: orders are explored, and times are not.' },
  REPLAY_DIVERGED: { exit: 1, next: 'Run the command printed with it to open the moment before.' },
  RUN_LIMIT: { exit: 1, next: 'Raise the limit named, or shorten the run.' },
  ACTOR_THREW: { exit: 1, next: 'A transition threw: a fault of the model. Open the log at the seq named.' },
  ACTOR_UNSUPPORTED: {
    exit: 2,
    next: 'Write the machine without invoke and spawn: actors are named in the topology, and talk with sendTo.',
  },
  LAW_BROKEN: {
    exit: 1,
    next: 'Look at the event with "granule log" and "granule state"; a design under study may break a law, the default one must not.',
  },
  EXPLORE_LIMIT: { exit: 2, next: 'Ask for less, or make the model smaller; docs/search.md has the limits.' },
  EXPLORE_MODEL_UNKNOWN: { exit: 2, next: 'Name one of those that there are; docs/search.md lists them.' },
  EXPLORE_PATH_LOST: {
    exit: 1,
    next: 'Search again with the model as it is now: the way is of another one, or the model does not do the same twice.',
  },
  EXPLORE_PROPERTY_UNKNOWN: { exit: 2, next: 'Name a property that the model has.' },
  FINDING_INVALID: { exit: 2, next: 'Mend the field named, or keep the finding again with "granule explore --keep".' },
  EXPLORE_SAVED_UNFIT: { exit: 2, next: 'Begin the search anew, or go on with the model that it was of.' },
  INVARIANT: { exit: 1, next: 'A fault of granule itself: please report it with the log and the command.' },
} as const;

/** A stable error code: one row of the error table. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/**
 * A failure with a stable code: what was wrong, where, and what to do next.
 *
 * @example
 * ```ts
 * const error = new GranuleError('SEQ_OUT_OF_RANGE', 'seq 900 is past the end', 'run.glog holds 0 to 811');
 * error.exitCode; // 2
 * ```
 */
export class GranuleError extends Error {
  readonly code: ErrorCode;
  /** File, line or offset, field: whatever narrows it down most. */
  readonly where: string;
  /** What the user can do about it. */
  readonly next: string;

  constructor(code: ErrorCode, what: string, where = '', next: string = ERROR_TABLE[code].next) {
    super(what);
    this.name = 'GranuleError';
    this.code = code;
    this.where = where;
    this.next = next;
  }

  /** 2 for bad usage or bad input, 1 for a check that failed. */
  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }

  /** One message, as the command line prints it. */
  format(): string {
    return `${this.code}: ${this.message}${this.where === '' ? '' : ` (${this.where})`}. ${this.next}`;
  }
}

/**
 * Every error code with its exit status and remedy, for documentation and tests.
 *
 * @example
 * ```ts
 * errorTable().find((row) => row.code === 'TRACE_EMPTY')?.exit; // 2
 * ```
 */
export function errorTable(): { code: ErrorCode; exit: number; next: string }[] {
  return (Object.keys(ERROR_TABLE) as ErrorCode[]).map((code) => ({ code, ...ERROR_TABLE[code] }));
}

/**
 * Checks an invariant of the simulator, in production too. `what` says what should have held.
 *
 * @throws GranuleError INVARIANT
 * @example
 * ```ts
 * invariant(1 + 1 === 2, 'arithmetic holds');
 * ```
 */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new GranuleError('INVARIANT', what);
}
