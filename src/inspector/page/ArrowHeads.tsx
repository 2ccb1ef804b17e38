/** The heads of arrows in drawings. */

/** A marker for each id; the style gives each its colour. */
export function ArrowHeads({ ids }: { ids: readonly string[] }) {
  return (
    <defs>
      {ids.map((id) => (
        <marker
          key={id}
          id={id}
          markerWidth="9"
          markerHeight="9"
          refX="8"
          refY="4"
          orient="auto"
          markerUnits="userSpaceOnUse"
        >
          <path d="M0 0L8 4L0 8z" />
        </marker>
      ))}
    </defs>
  );
}
