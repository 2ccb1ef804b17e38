/** The panels below the timeline: one table, a row for each. */
import type { ComponentType } from 'preact';
import { Causes } from './panels/Causes.tsx';
import { Compare } from './panels/Compare.tsx';
import { Events } from './panels/Events.tsx';
import { Memory } from './panels/Memory.tsx';
import { Metrics } from './panels/Metrics.tsx';
import { Search } from './panels/Search.tsx';
import { State } from './panels/State.tsx';
import { Statechart } from './panels/Statechart.tsx';
import { Topology } from './panels/Topology.tsx';

/** A panel that can be opened on one side. */
export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly side: 'left' | 'right';
  /** The key that opens it. */
  readonly key: string;
  readonly Component: ComponentType;
}

/** Every panel, in the order of its tabs. */
export const PANELS: readonly Panel[] = [
  { id: 'events', title: 'Events', side: 'left', key: '1', Component: Events },
  { id: 'topology', title: 'Topology', side: 'left', key: '2', Component: Topology },
  { id: 'metrics', title: 'Metrics', side: 'left', key: '3', Component: Metrics },
  { id: 'causes', title: 'Causes', side: 'left', key: '4', Component: Causes },
  { id: 'search', title: 'Search & notes', side: 'left', key: '5', Component: Search },
  { id: 'state', title: 'State', side: 'right', key: '6', Component: State },
  { id: 'statechart', title: 'Statechart', side: 'right', key: '7', Component: Statechart },
  { id: 'memory', title: 'Memory', side: 'right', key: '8', Component: Memory },
  { id: 'compare', title: 'Compare', side: 'right', key: '9', Component: Compare },
];
