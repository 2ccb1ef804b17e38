/** An answer of the engine inside a component: asked again when what it depends on changes, the old one shown meanwhile. */
import { useEffect, useState } from 'preact/hooks';
import type { Args, RequestName, Result } from '../engine/requests.ts';
import { Answers, movedOn } from './answers.ts';
import type { Link } from './link.ts';
import { info, link, runs, stride, tell } from './store.ts';

const answers = new Answers();

/** While one steps, the answer to the next step is asked for as soon as that to the present one is there. */
function askAhead<N extends RequestName>(asker: Link, name: N, args: Args<N>, of: string): void {
  const run = info.peek();
  const by = stride.peek();
  if (run === null || by === 0) return;
  const next = movedOn(args, by, { first: run.firstSeq, last: run.lastSeq });
  // What goes wrong is told when it is asked for in earnest.
  if (next !== null) answers.ask(asker.ask, name, next, of).catch(() => undefined);
}

/** What the answer follows from beside the question: the log, and whether its traces are there. */
function stateOfLog(args: object | null): string {
  if (args === null || !('run' in args)) return '';
  const run = runs.value.find(({ run: name }) => name === args.run);
  return run === undefined ? '' : `${run.headHash} ${run.hasStates}`;
}

/**
 * The answer to a request, null until there is one, and nothing is asked while `args` is null. Late answers to earlier questions are
 * dropped.
 */
export function useAnswer<N extends RequestName>(name: N, args: Args<N> | null): Result<N> | null {
  const [answer, setAnswer] = useState<Result<N> | null>(null);
  const of = stateOfLog(args);
  const key = `${of} ${JSON.stringify(args)}`;
  useEffect(() => {
    let isLate = false;
    const { value } = link;
    if (args === null || value === null) {
      setAnswer(null);
      return undefined;
    }
    answers.ask(value.ask, name, args, of).then(
      (result) => {
        if (isLate) return;
        setAnswer(result);
        askAhead(value, name, args, of);
      },
      (error: unknown) => {
        if (!isLate) tell(error);
      },
    );
    return () => {
      isLate = true;
    };
  }, [name, key]);
  return (args === null ? null : answers.known(name, args, of)) ?? answer;
}
