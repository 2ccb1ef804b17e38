/** The actors as a graph: what is on its way between them at the present moment, and the message that has just arrived. */
import { ArrowHeads } from '../ArrowHeads.tsx';
import { HeadRow } from '../HeadRow.tsx';
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { NAME_SIZE, NOTE_SIZE, roundPath } from '../../../report/graph/svg.ts';
import { shortened } from '../../../report/graph/textWidth.ts';
import type { ActorMap, MapNode } from '../../engine/views/actorMap.ts';
import type { FlyingMessage, InFlight } from '../../engine/views/inFlight.ts';
import { useAnswer } from '../asked.ts';
import { count } from '../format.ts';
import { info, jump, move, place, seq } from '../store.ts';
import { flowsOf, type LinkFlow, nodeOfActor, pointAlong, typesLine } from '../topology/flow.ts';
import { wide } from '../topology/wide.ts';

/** Whether each actor is drawn by itself; null before the user chose. */
const apart = signal<boolean | null>(null);
/** Actors that are drawn apart unless the user wants it otherwise. */
const APART_AT_FIRST = 10;
/** The node whose actors are listed. */
const opened = signal<string | null>(null);
/** Messages that the list below shows. */
const LISTED = 60;
const MARGIN = 14;
/** Width of a character of a note, about. */
const NOTE_CHARACTER = 5.4;
/** How small a drawing may become before it is scrolled instead. */
const SCALE_LEAST = 0.62;
const SCALE_MOST = 1.6;

/** The event that has just been handled, as an arrow of its own. */
interface Arrived {
  readonly from: string;
  readonly to: string;
  readonly type: string;
}

function tipOf({ link }: LinkFlow): string {
  return link.traffic.map(({ from, to, type, count: sent }) => `${from} → ${to} ${type}: ${count(sent)}`).join('\n');
}

function Dots({ flow }: { flow: LinkFlow }) {
  const forth = flow.forth.slice(0, 6);
  const back = flow.back.slice(0, 6);
  const along = (at: number, of: number, isBack: boolean): number => {
    const share = (at + 1) / (of + 1);
    return isBack ? 1 - share : share;
  };
  return (
    <>
      {[
        ...forth.map((one, at) => ({ one, share: along(at, forth.length, false) })),
        ...back.map((one, at) => ({ one, share: along(at, back.length, true) })),
      ].map(({ one, share }, at) => {
        const { x, y } = pointAlong(flow.link.points, share);
        return <circle key={`${one.type} ${one.seq} ${at}`} class="flying" cx={x} cy={y} r={4} />;
      })}
    </>
  );
}

function Link({ flow, arrived }: { flow: LinkFlow; arrived: Arrived | null }) {
  const { link, forth, back } = flow;
  const isForth = arrived?.from === link.from && arrived.to === link.to;
  const isBack = arrived?.from === link.to && arrived.to === link.from;
  const messages = [...forth, ...back];
  const kind = isForth || isBack ? 'link arrived' : messages.length > 0 ? 'link busy' : 'link';
  const d = roundPath(isBack ? link.points.toReversed() : link.points);
  return (
    <g class={kind}>
      <title>{tipOf(flow)}</title>
      <path class="wide" d={d} />
      <path class="way" d={d} marker-end={isForth || isBack ? 'url(#arrow)' : undefined} />
      <Dots flow={flow} />
    </g>
  );
}

function LinkLabel({ flow, arrived }: { flow: LinkFlow; arrived: Arrived | null }) {
  const { link, forth, back } = flow;
  const isHere =
    arrived !== null && [link.from, link.to].includes(arrived.from) && [link.from, link.to].includes(arrived.to);
  const lines = [
    ...(isHere && arrived.from !== arrived.to ? [{ text: arrived.type, kind: 'arrived' }] : []),
    ...(forth.length + back.length > 0 ? [{ text: typesLine([...forth, ...back]), kind: 'busy' }] : []),
  ];
  return (
    <g class="link-label" aria-hidden="true">
      {lines.map(({ text, kind }, at) => (
        <text key={kind} class={kind} x={link.label.x} y={link.label.y + 4 + (at - (lines.length - 1) / 2) * 13}>
          {text}
        </text>
      ))}
    </g>
  );
}

function choose(node: MapNode): void {
  const [first] = node.actors;
  if (node.id === 'outside' || first === undefined) return;
  opened.value = node.actors.length > 1 ? node.id : null;
  if (node.actors.length === 1 || !node.actors.includes(place.value.actor ?? '')) move({ actor: first, path: '' });
}

function Node({
  node,
  arrived,
  waiting,
}: {
  node: MapNode;
  arrived: Arrived | null;
  waiting: readonly FlyingMessage[];
}) {
  const { x, y, width, height, name, note, actors } = node;
  const { actor } = place.value;
  const isChosen = actor !== null && actors.includes(actor);
  const isReceiver = arrived?.to === node.id;
  const below = isChosen && actors.length > 1 ? shortened(actor, Math.floor(width / NOTE_CHARACTER)) : note;
  const says = `${name}${isChosen ? ', chosen' : ''}${isReceiver ? `, has just received ${arrived.type}` : ''}`;
  return (
    <g
      class={`node ${node.group}${isChosen ? ' chosen' : ''}${isReceiver ? ' arrived' : ''}`}
      role="button"
      tabIndex={node.id === 'outside' ? -1 : 0}
      aria-label={says}
      aria-pressed={isChosen}
      onClick={() => choose(node)}
      onKeyDown={(press) => {
        if (press.key !== 'Enter' && press.key !== ' ') return;
        press.preventDefault();
        press.stopPropagation();
        choose(node);
      }}
    >
      <title>{[node.says, actors.slice(0, 30).join(', ')].filter((line) => line !== '').join('\n')}</title>
      {actors.length > 1 && <rect class="behind" x={x + 4} y={y + 4} width={width} height={height} rx={6} />}
      <rect x={x} y={y} width={width} height={height} rx={node.id === 'outside' ? height / 2 : 6} />
      <text class="name" x={x + width / 2} y={y + 17} {...wide(name, NAME_SIZE, true)}>
        {name}
      </text>
      {below !== '' && (
        <text class="note" x={x + width / 2} y={y + 32} {...wide(below, NOTE_SIZE)}>
          {below}
        </text>
      )}
      {waiting.length > 0 && (
        <text class="own" x={x + width - 2} y={y - 3}>
          ↻ {typesLine(waiting)}
        </text>
      )}
    </g>
  );
}

function Graph({ map, flight, arrived }: { map: ActorMap; flight: InFlight | null; arrived: Arrived | null }) {
  const flows = flowsOf(map, flight?.messages ?? []);
  const frame = useRef<HTMLDivElement>(null);
  const drawing = useRef<SVGSVGElement>(null);
  const [width, height] = [map.width + 2 * MARGIN + 4, map.height + 2 * MARGIN + 4];
  const at = arrived?.to;
  const showArrived = (): void => {
    drawing.current?.querySelector('.node.arrived')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };
  useEffect(showArrived, [at, map]);
  useEffect(() => {
    const { current } = frame;
    if (current === null) return undefined;
    const fit = (): void => {
      const scale = Math.min(current.clientWidth / width, current.clientHeight / height);
      const kept = Math.max(SCALE_LEAST, Math.min(SCALE_MOST, scale));
      drawing.current?.setAttribute('width', String(Math.floor(width * kept)));
      drawing.current?.setAttribute('height', String(Math.floor(height * kept)));
      showArrived();
    };
    const resized = new ResizeObserver(fit);
    resized.observe(current);
    return () => resized.disconnect();
  }, [map]);
  return (
    <div class="graph" ref={frame}>
      <svg
        ref={drawing}
        class="actors"
        viewBox={`${-MARGIN} ${-MARGIN} ${width} ${height}`}
        role="group"
        aria-label={`${map.nodes.length} actors or kinds of actors, and ${map.links.length} links`}
      >
        <ArrowHeads ids={['arrow']} />
        {flows.links.map((flow) => (
          <Link key={`${flow.link.from} ${flow.link.to}`} flow={flow} arrived={arrived} />
        ))}
        {map.nodes.map((node) => (
          <Node key={node.id} node={node} arrived={arrived} waiting={flows.inside.get(node.id) ?? []} />
        ))}
        {flows.links.map((flow) => (
          <LinkLabel key={`${flow.link.from} ${flow.link.to}`} flow={flow} arrived={arrived} />
        ))}
      </svg>
    </div>
  );
}

function OfKind({ map }: { map: ActorMap }) {
  const node = map.nodes.find(({ id }) => id === opened.value);
  if (node === undefined) return null;
  return (
    <label class="of-kind">
      one of {count(node.actors.length)} {node.kind}:{' '}
      <select
        value={place.value.actor ?? ''}
        onChange={({ currentTarget }) => move({ actor: currentTarget.value, path: '' })}
      >
        {node.actors.map((actor) => (
          <option key={actor}>{actor}</option>
        ))}
      </select>
    </label>
  );
}

function Waiting({ flight }: { flight: InFlight }) {
  const { actor } = place.value;
  const near = flight.messages.filter(({ from, to }) => from === actor || to === actor);
  const [first, second] = [near, flight.messages.filter((one) => !near.includes(one))];
  const listed = [...first, ...second].slice(0, LISTED);
  return (
    <section class="waiting" aria-label="messages on their way">
      <h3>
        {count(flight.count)} on their way{' '}
        {flight.lookedAhead !== null && (
          <span class="faint">(of those that arrive within {count(flight.lookedAhead)} events)</span>
        )}
      </h3>
      <table>
        <HeadRow names={['arrives', 'message', 'way', 'payload']} isHidden />
        <tbody>
          {listed.map((one, at) => (
            <tr key={one.seq ?? `due ${at}`} class={near.includes(one) ? 'near' : ''}>
              <td class="number">
                {one.seq === null ? (
                  `due at ${count(one.timeCycles)}`
                ) : (
                  <button class="link" onClick={() => jump(one.seq ?? 0, { actor: one.to })}>
                    seq {one.seq}
                  </button>
                )}
              </td>
              <td class="type">{one.type}</td>
              <td>
                {one.from} → {one.to}
              </td>
              <td class="payload">{one.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The panel. */
export function Topology() {
  const run = info.value;
  const isApart = apart.value ?? (run?.lanes.length ?? 0) <= APART_AT_FIRST;
  const map = useAnswer('actorMap', run === null ? null : { run: run.run, apart: isApart });
  const now = seq.value;
  const flight = useAnswer('inFlight', run === null ? null : { run: run.run, seq: now });
  const [row] = useAnswer('events', run === null ? null : { run: run.run, from: now, count: 1 }) ?? [];
  if (run === null || map === null) return <p>placing the actors…</p>;
  const nodeOf = nodeOfActor(map);
  const arrived =
    row === undefined
      ? null
      : { from: nodeOf.get(row.from) ?? row.from, to: nodeOf.get(row.to) ?? row.to, type: row.type };
  return (
    <div class="topology">
      <div class="controls">
        <label>
          <input
            type="checkbox"
            checked={isApart && map.canBeApart}
            disabled={!map.canBeApart}
            onChange={({ currentTarget }) => (apart.value = currentTarget.checked)}
          />{' '}
          each actor by itself
        </label>
        <span class="key">
          <i class="sign arrived" /> just arrived <i class="sign busy" /> on its way
        </span>
        {map.sampled < map.events && (
          <span class="faint">
            links as in {count(map.sampled)} of {count(map.events)} events
          </span>
        )}
        <OfKind map={map} />
      </div>
      <Graph map={map} flight={flight} arrived={arrived} />
      {flight !== null && <Waiting flight={flight} />}
    </div>
  );
}
