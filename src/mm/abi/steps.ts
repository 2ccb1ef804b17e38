/** The few kinds of step that every rule of layer 1 is made of, and what each does: the checkers behind the table. */
import { type Arguments, type Caller, type ConditionName, conditions, numberOf } from './conditions.ts';
import { ERRNO, type ErrnoName, MMAP_MIN_ADDR, TASK_SIZE, WORD_END } from './numbers.ts';

/** One step of a rule, as plain data; arguments go by their names in `TraceCall`. Steps are taken in the kernel's order. */
export type Step =
  /** Refused unless the argument is a multiple of the caller's page. */
  | { do: 'aligned'; argument: string; errno: ErrnoName; only?: ConditionName }
  /** Refused when a bit outside the mask is set. */
  | { do: 'known'; argument: string; mask: number; errno: ErrnoName }
  | { do: 'refuse'; when: ConditionName; errno: ErrnoName }
  /** Refused when the argument is 0. */
  | { do: 'nonzero'; argument: string; errno: ErrnoName }
  /** Succeeds with nothing done when the argument is 0. */
  | { do: 'empty'; argument: string }
  /** Rounded up to whole pages; past the end of a 64-bit word it becomes 0, which may be refused. */
  | { do: 'up'; argument: string; wrapped: ErrnoName | null }
  | { do: 'down'; argument: string; only?: ConditionName }
  /** Start down, end up. */
  | { do: 'outward'; addr: string; length: string }
  /** `round_hint_to_min`: down, and not below `mmap_min_addr` unless 0. */
  | { do: 'hint'; argument: string; only?: ConditionName }
  /** Refused when start plus length is past 2^64; where `empty`, also when the length is 0. */
  | { do: 'wraps'; addr: string; length: string; errno: ErrnoName; empty?: boolean }
  /** Refused when start plus length (or the length alone) is beyond user memory. */
  | { do: 'below'; addr: string | null; length: string; errno: ErrnoName; only?: ConditionName }
  /** At most `INT_MAX` rounded down to pages (`include/linux/fs.h:MAX_RW_COUNT`). */
  | { do: 'cap'; argument: string };

/** Where a rule leads: to its arguments as the kernel goes on with them, to an errno, or to success with nothing to do. */
export type Outcome = { call: Arguments } | { errno: number } | { nothing: true };

const INT_MAX = 2 ** 31 - 1;

/**
 * Rounds up to whole pages.
 *
 * @example
 * ```ts
 * pageAlign(1, 65536); // 65536
 * ```
 */
export function pageAlign(value: number, pageBytes: number): number {
  return Math.ceil(value / pageBytes) * pageBytes;
}

/** PAGE_ALIGN in a 64-bit word: what does not fit becomes 0. */
function roundUp(value: number, pageBytes: number): number {
  const rounded = pageAlign(value, pageBytes);
  return rounded >= WORD_END ? 0 : rounded;
}

function roundDown(value: number, pageBytes: number): number {
  return Math.floor(value / pageBytes) * pageBytes;
}

function refused(step: Step, call: Arguments, caller: Caller): boolean {
  switch (step.do) {
    case 'aligned':
      return numberOf(call, step.argument) % caller.pageBytes !== 0;
    case 'known':
      return (numberOf(call, step.argument) & ~step.mask) !== 0;
    case 'refuse':
      return conditions[step.when].holds(call, caller);
    case 'nonzero':
      return numberOf(call, step.argument) === 0;
    case 'up': {
      const given = numberOf(call, step.argument);
      return step.wrapped !== null && given > 0 && roundUp(given, caller.pageBytes) === 0;
    }
    case 'wraps': {
      const length = numberOf(call, step.length);
      return numberOf(call, step.addr) + length >= WORD_END || (step.empty === true && length === 0);
    }
    case 'below': {
      const start = step.addr === null ? 0 : numberOf(call, step.addr);
      return start + numberOf(call, step.length) > TASK_SIZE;
    }
    default:
      return false;
  }
}

/** Most calls come in whole pages, and stay what they are. */
function withArgument(call: Arguments, name: string, value: number): Arguments {
  return call[name] === value ? call : { ...call, [name]: value };
}

function changed(step: Step, call: Arguments, { pageBytes }: Caller): Arguments {
  switch (step.do) {
    case 'up':
      return withArgument(call, step.argument, roundUp(numberOf(call, step.argument), pageBytes));
    case 'down':
      return withArgument(call, step.argument, roundDown(numberOf(call, step.argument), pageBytes));
    case 'outward': {
      const addr = numberOf(call, step.addr);
      const start = roundDown(addr, pageBytes);
      const lengthBytes = roundUp((numberOf(call, step.length) + (addr - start)) % WORD_END, pageBytes);
      return withArgument(withArgument(call, step.addr, start), step.length, lengthBytes);
    }
    case 'hint': {
      const hint = roundDown(numberOf(call, step.argument), pageBytes);
      const raised = hint > 0 && hint < MMAP_MIN_ADDR ? pageAlign(MMAP_MIN_ADDR, pageBytes) : hint;
      return withArgument(call, step.argument, raised);
    }
    case 'cap': {
      const most = roundDown(INT_MAX, pageBytes);
      return withArgument(call, step.argument, Math.min(numberOf(call, step.argument), most));
    }
    default:
      return call;
  }
}

function errnoOf(step: Step): number {
  if (step.do === 'up') return step.wrapped === null ? 0 : ERRNO[step.wrapped];
  return 'errno' in step ? ERRNO[step.errno] : 0;
}

/**
 * Takes the steps of a rule one by one, until one refuses the call or ends it.
 *
 * @example
 * ```ts
 * const steps: Step[] = [{ do: 'aligned', argument: 'addr', errno: 'EINVAL' }];
 * takeSteps(steps, { addr: 4096 }, { pageBytes: 65536, privileged: true }); // { errno: 22 }
 * ```
 */
export function takeSteps(steps: readonly Step[], call: Arguments, caller: Caller): Outcome {
  let at = call;
  for (const step of steps) {
    if ('only' in step && step.only !== undefined && !conditions[step.only].holds(at, caller)) continue;
    if (refused(step, at, caller)) return { errno: errnoOf(step) };
    if (step.do === 'empty' && numberOf(at, step.argument) === 0) return { nothing: true };
    at = changed(step, at, caller);
  }
  return { call: at };
}
