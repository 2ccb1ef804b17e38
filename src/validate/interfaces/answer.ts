/** Answers to questions: what a kernel gave, and what the model gives. */

/** An answer; which fields it has depends on the question. */
export interface InterfaceAnswer {
  ret?: number;
  /** The errno of a call that failed. */
  err?: number;
  /** What move_pages says of the page. */
  status?: number;
  /** 0, or the signal that an access raised, and its `si_code`. */
  signal?: number;
  code?: number;
  text?: string;
  /** The length of a text, where only that was kept. */
  textBytes?: number;
}

/**
 * The answer of a call, as the program of the oracle prints it: a result, or an errno.
 *
 * @example
 * ```ts
 * called({ result: -1, errno: 22 }); // { err: 22 }
 * ```
 */
export function called({ result, errno }: { result: number; errno: number }): InterfaceAnswer {
  return errno === 0 ? { ret: result } : { err: errno };
}

/**
 * Whether the model says what a kernel said.
 *
 * @example
 * ```ts
 * sameAnswer({ ret: 0 }, { ret: 0 }); // true
 * sameAnswer({ ret: 0 }, { err: 22 }); // false
 * sameAnswer({ textBytes: 2 }, { text: 'ab' }); // true
 * ```
 */
export function sameAnswer(kernel: InterfaceAnswer, model: InterfaceAnswer): boolean {
  if (kernel.textBytes !== undefined) return model.text?.length === kernel.textBytes;
  const fields = ['ret', 'err', 'status', 'signal', 'code', 'text'] as const;
  return fields.every((field) => kernel[field] === model[field]);
}
