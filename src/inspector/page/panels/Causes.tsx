/** Why the present event happened, and what came of it: a tree of messages, each of which is a place to go. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { info, jump, seq } from '../store.ts';
import { colourOf } from '../timeline/lanes.ts';
import { placeCauses, type PlacedCause } from './causeTree.ts';

/** Messages between the event and the last effects shown. */
const depth = signal(3);
/** The event whose whole chain is shown. */
const unfolded = signal<number | null>(null);
/** Causes before the event that are shown anyway. */
const NEAR_CAUSES = 8;
const ROW_HEIGHT = 20;
const COLUMN_WIDTH = 22;
const DOT = 5;
/** Width of a character. */
const CHARACTER = 7.6;

function xOf(column: number): number {
  return 12 + column * COLUMN_WIDTH;
}

function yOf(row: number): number {
  return row * ROW_HEIGHT + ROW_HEIGHT / 2;
}

function Edge({ placed: { column, row, parent } }: { placed: PlacedCause }) {
  if (parent === null) return null;
  const d = `M${xOf(parent.column)},${yOf(parent.row)} V${yOf(row)} H${xOf(column)}`;
  return <path class="edge" d={d} aria-hidden="true" />;
}

function Node({ placed }: { placed: PlacedCause }) {
  const { node, column, row } = placed;
  const kind = info.value?.lanes.find(({ id }) => id === node.to)?.kind ?? '';
  const isNow = node.depth === 0;
  return (
    <a
      href={`#${node.seq}`}
      aria-label={`seq ${node.seq}, ${node.type} to ${node.to}`}
      aria-current={isNow ? 'true' : undefined}
      onClick={(click) => {
        click.preventDefault();
        jump(node.seq, { actor: node.to });
      }}
    >
      <circle cx={xOf(column)} cy={yOf(row)} r={isNow ? DOT + 2 : DOT} fill={`rgb(${colourOf(kind).join(' ')})`} />
      <text x={xOf(column) + 12} y={yOf(row) + 4} class={isNow ? 'now' : ''}>
        <tspan class="seq">{node.seq}</tspan> {node.type} → {node.to}
        <tspan class="faint"> {count(node.timeCycles)} </tspan>
      </text>
    </a>
  );
}

/** Pixels that a row's text takes. */
function textRoom({ node: { seq: at, type, to, timeCycles } }: PlacedCause): number {
  return `${at} ${type} → ${to} ${count(timeCycles)} `.length * CHARACTER;
}

/** The tree, and how deep effects are followed. */
export function Causes() {
  const run = info.value;
  const nodes = useAnswer('causes', run === null ? null : { run: run.run, seq: seq.value, depth: depth.value });
  const isWhole = unfolded.value === seq.value;
  const shown = (nodes ?? []).filter((node) => isWhole || node.depth >= -NEAR_CAUSES);
  const folded = (nodes?.length ?? 0) - shown.length;
  const placed = placeCauses(shown);
  const drawing = useRef<SVGSVGElement>(null);
  const now = shown.find((node) => node.depth === 0)?.seq;
  useEffect(() => drawing.current?.querySelector('text.now')?.scrollIntoView({ block: 'nearest' }), [now, isWhole]);
  const wide = placed.reduce((most, one) => Math.max(most, xOf(one.column) + 20 + textRoom(one)), 100);
  return (
    <div class="causes">
      <label>
        effects to a depth of{' '}
        <input
          type="number"
          min={0}
          max={20}
          value={depth.value}
          onChange={({ currentTarget }) => (depth.value = Number(currentTarget.value))}
        />{' '}
        messages
      </label>
      {folded > 0 && (
        <button class="link" onClick={() => (unfolded.value = seq.value)}>
          {count(folded)} earlier
        </button>
      )}
      <svg ref={drawing} width={wide} height={placed.length * ROW_HEIGHT} role="group" aria-label="causes and effects">
        {placed.map((one) => (
          <Edge key={one.node.seq} placed={one} />
        ))}
        {placed.map((one) => (
          <Node key={one.node.seq} placed={one} />
        ))}
      </svg>
    </div>
  );
}
