/**
 * Packets of a Perfetto trace. Field numbers are those of Perfetto's own `protos/perfetto/trace/*.proto`; a test reads what is written
 * here by those files.
 */
import { ProtoMessage } from './protoWriter.ts';

/** Fields, by message. */
const TRACE = { packet: 1 } as const;
const PACKET = {
  timestamp: 8,
  sequenceId: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  trackDescriptor: 60,
  firstOnSequence: 87,
} as const;
const TRACK = { uuid: 1, name: 2, parent: 5, counter: 8, description: 14, childOrdering: 11, rank: 12 } as const;
const COUNTER = { unitName: 6 } as const;
const EVENT = { annotations: 4, legacy: 6, type: 9, nameIid: 10, trackUuid: 11, categoryIids: 3 } as const;
const EVENT_VALUE = { doubleCounter: 44, flowIds: 47 } as const;
const LEGACY = { bindId: 8, flowDirection: 13 } as const;
const ANNOTATION = { nameIid: 1, uint: 3, string: 6, stringIid: 17 } as const;
const INTERNED = { categories: 1, names: 2, annotationNames: 3, strings: 29 } as const;
const ENTRY = { iid: 1, text: 2 } as const;

/** Values of enums. */
const TYPE = { begin: 1, end: 2, counter: 4 } as const;
const ORDER_EXPLICIT = 3;
const FLOW_IN = 1;
const FLAGS = { cleared: 1, needsState: 2 } as const;

/** All packets are of one writer. */
const SEQUENCE = 1;

/** A track: a lane of the viewer. */
export interface Track {
  readonly uuid: number;
  readonly name: string;
  readonly parent?: number;
  readonly rank?: number;
  readonly description?: string;
  /** Of a counter. */
  readonly unit?: string;
}

/** The beginning of a slice. */
export interface SliceBegin {
  readonly track: number;
  readonly nanoseconds: number;
  readonly name: string;
  readonly category: string;
  /** Arrows that begin here have this id, of 1 or more. */
  readonly flow: number;
  /** The arrow that ends here; 0 for none. Several may end where one began. */
  readonly flowIn: number;
  /** Numbers and texts that are shown with it. */
  readonly facts: Readonly<Record<string, number | string>>;
  /** Names of the facts whose texts come often. */
  readonly often: ReadonlySet<string>;
}

/** Texts that packets name by number; a packet brings those that are new in it. */
class Interned {
  readonly #numbers = new Map<string, number>();
  readonly #field: number;

  constructor(field: number) {
    this.#field = field;
  }

  /** The number of a text, told in `fresh` when it is new. */
  number(text: string, fresh: ProtoMessage, entry: ProtoMessage): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const made = this.#numbers.size + 1;
    this.#numbers.set(text, made);
    fresh.message(this.#field, entry.clear().varint(ENTRY.iid, made).string(ENTRY.text, text));
    return made;
  }
}

/**
 * Makes packets; each method gives the bytes of one, ready to be put behind the others.
 *
 * @example
 * ```ts
 * const packets = new PerfettoPackets();
 * packets.track({ uuid: 1, name: 'mm:1' }).length; // 22
 * packets.sliceEnd(1, 2000).length; // 15
 * ```
 */
export class PerfettoPackets {
  readonly #categories = new Interned(INTERNED.categories);
  readonly #names = new Interned(INTERNED.names);
  readonly #annotationNames = new Interned(INTERNED.annotationNames);
  readonly #strings = new Interned(INTERNED.strings);
  readonly #trace = new ProtoMessage();
  readonly #packet = new ProtoMessage();
  readonly #event = new ProtoMessage();
  readonly #fresh = new ProtoMessage();
  readonly #entry = new ProtoMessage();
  readonly #part = new ProtoMessage();
  #isFirst = true;

  /** A track; it comes before what lies on it. */
  track({ uuid, name, parent, rank, description, unit }: Track): Uint8Array {
    const track = this.#event.clear().varint(TRACK.uuid, uuid).string(TRACK.name, name);
    if (parent !== undefined) track.varint(TRACK.parent, parent);
    if (description !== undefined) track.string(TRACK.description, description);
    if (unit !== undefined) track.message(TRACK.counter, this.#part.clear().string(COUNTER.unitName, unit));
    track.varint(TRACK.childOrdering, ORDER_EXPLICIT);
    if (rank !== undefined) track.varint(TRACK.rank, rank);
    return this.#finished(this.#begun().message(PACKET.trackDescriptor, track));
  }

  /** The beginning of a slice. Within a track, slices come in the order of time and do not overlap. */
  sliceBegin(slice: SliceBegin): Uint8Array {
    const { track, nanoseconds, name, category, flow, flowIn, facts, often } = slice;
    this.#fresh.clear();
    const event = this.#event
      .clear()
      .varint(EVENT.type, TYPE.begin)
      .varint(EVENT.trackUuid, track)
      .varint(EVENT.nameIid, this.#names.number(name, this.#fresh, this.#entry))
      .varint(EVENT.categoryIids, this.#categories.number(category, this.#fresh, this.#entry));
    for (const [fact, value] of Object.entries(facts)) {
      event.message(EVENT.annotations, this.#annotation(fact, value, often.has(fact)));
    }
    // Of the two ways in which a flow may end, this one lets several end where one began: one event causes many.
    if (flowIn > 0)
      event.message(
        EVENT.legacy,
        this.#part.clear().varint(LEGACY.bindId, flowIn).varint(LEGACY.flowDirection, FLOW_IN),
      );
    event.fixed64(EVENT_VALUE.flowIds, flow);
    return this.#timed(nanoseconds, event);
  }

  /** The end of the slice that is open on a track. */
  sliceEnd(track: number, nanoseconds: number): Uint8Array {
    this.#fresh.clear();
    return this.#timed(nanoseconds, this.#event.clear().varint(EVENT.type, TYPE.end).varint(EVENT.trackUuid, track));
  }

  /** A value on a counter's track. */
  counter(track: number, nanoseconds: number, value: number): Uint8Array {
    this.#fresh.clear();
    const event = this.#event.clear().varint(EVENT.type, TYPE.counter).varint(EVENT.trackUuid, track);
    return this.#timed(nanoseconds, event.double(EVENT_VALUE.doubleCounter, value));
  }

  #annotation(name: string, value: number | string, isOften: boolean): ProtoMessage {
    const number = this.#annotationNames.number(name, this.#fresh, this.#entry);
    const text = isOften ? this.#strings.number(String(value), this.#fresh, this.#entry) : 0;
    const part = this.#part.clear().varint(ANNOTATION.nameIid, number);
    if (typeof value === 'number') return part.varint(ANNOTATION.uint, value);
    return isOften ? part.varint(ANNOTATION.stringIid, text) : part.string(ANNOTATION.string, value);
  }

  #timed(nanoseconds: number, event: ProtoMessage): Uint8Array {
    const packet = this.#begun().varint(PACKET.timestamp, nanoseconds);
    if (this.#fresh.length > 0) packet.message(PACKET.internedData, this.#fresh);
    return this.#finished(packet.message(PACKET.trackEvent, event));
  }

  #begun(): ProtoMessage {
    const packet = this.#packet.clear().varint(PACKET.sequenceId, SEQUENCE);
    packet.varint(PACKET.sequenceFlags, this.#isFirst ? FLAGS.cleared : FLAGS.needsState);
    if (this.#isFirst) packet.varint(PACKET.firstOnSequence, 1);
    this.#isFirst = false;
    return packet;
  }

  #finished(packet: ProtoMessage): Uint8Array {
    return this.#trace.clear().message(TRACE.packet, packet).bytes();
  }
}
