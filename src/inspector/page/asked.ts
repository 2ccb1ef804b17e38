/** An answer of the engine inside a component: asked again when what it depends on changes, the old one shown meanwhile. */
import { useEffect, useState } from 'preact/hooks';
import type { Args, RequestName, Result } from '../engine/requests.ts';
import { link, tell } from './store.ts';

/**
 * The answer to a request, null until there is one, and nothing is asked while `args` is null. Late answers to earlier questions are
 * dropped.
 */
export function useAnswer<N extends RequestName>(name: N, args: Args<N> | null): Result<N> | null {
  const [answer, setAnswer] = useState<Result<N> | null>(null);
  const key = JSON.stringify(args);
  useEffect(() => {
    let isLate = false;
    const { value } = link;
    if (args === null || value === null) {
      setAnswer(null);
      return undefined;
    }
    value.ask(name, args).then(
      (result) => {
        if (!isLate) setAnswer(result);
      },
      (error: unknown) => {
        if (!isLate) tell(error);
      },
    );
    return () => {
      isLate = true;
    };
  }, [name, key]);
  return answer;
}
