/** What a viewer makes of a Perfetto trace: packets in the order of time, interned names put in, slices closed, arrows joined. */
import type { Decoded } from './protoSchema.ts';

/** A slice that was closed. */
export interface Slice {
  readonly track: string;
  readonly parent: string;
  readonly name: string;
  readonly category: string;
  readonly begin: number;
  readonly end: number;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A trace as it is shown. */
export interface ImportedTrace {
  readonly slices: readonly Slice[];
  /** From slice to slice, by the fact `seq`. */
  readonly arrows: readonly (readonly [from: number, to: number])[];
  /** By name of the counter. */
  readonly counters: ReadonlyMap<string, readonly (readonly [nanoseconds: number, value: number])[]>;
}

interface Track {
  readonly name: string;
  readonly parent: string;
  readonly isCounter: boolean;
}

type OpenSlice = Omit<Slice, 'end'>;

/** Names by number, of one kind. */
type Names = Map<number, string>;

function list(value: unknown): Decoded[] {
  return (value ?? []) as Decoded[];
}

class Importer {
  readonly slices: Slice[] = [];
  readonly arrows: (readonly [number, number])[] = [];
  readonly counters = new Map<string, [number, number][]>();
  readonly #tracks = new Map<number, Track>();
  readonly #open = new Map<number, OpenSlice>();
  readonly #flows = new Map<number, number>();
  readonly #names: Record<string, Names> = {};

  describe(packet: Decoded): void {
    const { uuid, name, parent_uuid: parent, counter } = packet['track_descriptor'] as Decoded;
    const above = parent === undefined ? undefined : this.#tracks.get(parent as number);
    if (parent !== undefined && above === undefined)
      throw new Error(`the track ${String(name)} comes before its parent`);
    if (this.#tracks.has(uuid as number)) throw new Error(`two tracks have the uuid ${String(uuid)}`);
    const track = { name: name as string, parent: above?.name ?? '', isCounter: counter !== undefined };
    this.#tracks.set(uuid as number, track);
  }

  /** Interned data count from their packet on, in the order of the file. */
  intern(packet: Decoded): void {
    for (const [kind, entries] of Object.entries((packet['interned_data'] ?? {}) as Decoded)) {
      const names = (this.#names[kind] ??= new Map());
      for (const { iid, name, str } of list(entries)) {
        if (names.has(iid as number)) throw new Error(`${kind} ${String(iid)} is told twice`);
        names.set(iid as number, (name ?? str) as string);
      }
    }
  }

  event(packet: Decoded): void {
    const event = packet['track_event'] as Decoded;
    const at = packet['timestamp'] as number;
    const uuid = event['track_uuid'] as number;
    const track = this.#tracks.get(uuid);
    if (track === undefined) throw new Error(`there is no track ${uuid}`);
    if (event['type'] === 'TYPE_COUNTER') {
      if (!track.isCounter) throw new Error(`${track.name} is no counter`);
      const values = this.counters.get(track.name) ?? [];
      this.counters.set(track.name, values);
      values.push([at, event['double_counter_value'] as number]);
    } else if (event['type'] === 'TYPE_SLICE_END') this.#end(uuid, at);
    else this.#begin(uuid, track, at, event);
  }

  #begin(uuid: number, track: Track, at: number, event: Decoded): void {
    if (this.#open.has(uuid)) throw new Error(`a slice of ${track.name} begins at ${at} inside another`);
    const facts = Object.fromEntries(
      list(event['debug_annotations']).map((fact) => {
        const text = fact['string_value_iid'];
        const value = fact['uint_value'] ?? fact['string_value'] ?? this.#name('debug_annotation_string_values', text);
        return [this.#name('debug_annotation_names', fact['name_iid']), value];
      }),
    );
    const name = this.#name('event_names', event['name_iid']);
    const category = this.#name('event_categories', (event['category_iids'] as number[])[0]);
    this.#open.set(uuid, { track: track.name, parent: track.parent, name, category, begin: at, facts });
    const seq = facts['seq'] as number;
    const legacy = event['legacy_event'] as Decoded | undefined;
    if (legacy !== undefined) {
      const from = this.#flows.get(legacy['bind_id'] as number);
      if (from === undefined || legacy['flow_direction'] !== 'FLOW_IN') throw new Error(`no flow ends at seq ${seq}`);
      this.arrows.push([from, seq]);
    }
    for (const flow of event['flow_ids'] as number[]) this.#flows.set(flow, seq);
  }

  #end(uuid: number, at: number): void {
    const slice = this.#open.get(uuid);
    if (slice === undefined || at < slice.begin) throw new Error(`no slice ends on track ${uuid} at ${at}`);
    this.#open.delete(uuid);
    this.slices.push({ ...slice, end: at });
  }

  #name(kind: string, iid: unknown): string {
    const name = this.#names[kind]?.get(iid as number);
    if (name === undefined) throw new Error(`${kind} has no ${String(iid)}`);
    return name;
  }

  /** @throws Error for a slice that never ended */
  finish(): void {
    if (this.#open.size > 0) throw new Error(`${this.#open.size} slices do not end`);
  }
}

/**
 * The trace as it is shown.
 *
 * @throws Error where a viewer would drop something: a slice inside another, a name that was not told, an arrow from nowhere
 */
export function imported(trace: Decoded): ImportedTrace {
  const packets = list(trace['packet']);
  const importer = new Importer();
  for (const packet of packets) {
    if (packet['trusted_packet_sequence_id'] !== 1) throw new Error('a packet is of another sequence');
    if ('track_descriptor' in packet) importer.describe(packet);
    importer.intern(packet);
  }
  const timed = packets.filter((packet) => 'track_event' in packet);
  // A sort of JavaScript is stable, as that of the trace processor is.
  for (const packet of timed.toSorted((a, b) => (a['timestamp'] as number) - (b['timestamp'] as number))) {
    importer.event(packet);
  }
  importer.finish();
  return importer;
}
