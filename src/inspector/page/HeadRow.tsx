/** The head of a table. */

/** A row of columns' names, each a head of its column; `isHidden`: for screen readers alone. */
export function HeadRow({ names, isHidden = false }: { names: readonly string[]; isHidden?: boolean }) {
  return (
    <thead class={isHidden ? 'hidden' : undefined}>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
