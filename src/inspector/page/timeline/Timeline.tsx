/** The timeline. */
import { info, move, seq } from '../store.ts';

/** A slider over the run. */
export function Timeline() {
  const run = info.value;
  if (run === null) return null;
  return (
    <input
      type="range"
      class="timeline"
      aria-label="position in the run"
      min={run.firstSeq}
      max={run.lastSeq}
      value={seq.value}
      onInput={({ currentTarget }) => move({ seq: Number(currentTarget.value) })}
    />
  );
}
