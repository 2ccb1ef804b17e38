/** Choosing the actor that panels look at. */
import { info, move, place } from './store.ts';

/** A list of every actor that received something, those of `kinds` alone where these are named. */
export function ActorChoice({ label, kinds }: { label: string; kinds?: readonly string[] }) {
  const lanes = info.value?.lanes.filter(({ kind }) => kinds === undefined || kinds.includes(kind)) ?? [];
  const { actor } = place.value;
  return (
    <label>
      {label}{' '}
      <select
        value={lanes.some(({ id }) => id === actor) ? (actor ?? '') : ''}
        onChange={({ currentTarget }) => move({ actor: currentTarget.value, path: '' })}
      >
        <option value="">choose</option>
        {lanes.map(({ id }) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </label>
  );
}
