/** The shapes of an actor's definition: its ports, what it begins with, and how it handles messages. */
import type { AnyActorLogic, InputFrom, SnapshotFrom } from 'xstate';
import type {
  ActorKind,
  FiguredKind,
  FileContext,
  KindFigures,
  machines,
  MessageOf,
  MessageType,
  MmContext,
  MmuContext,
  ResourceHolder,
  ZoneContext,
} from '../../../machines/index.ts';
import type { StandIn } from '../../runtime/standIn.ts';
import type { Definition } from './definition.ts';
import type { AnyMessageDefinition, MessagesWith, Schema } from './defineMessage.ts';

/**
 * One end of a link: which messages go out there, and to which kinds of actor. What comes back is among the `accepts` of
 * the definition.
 */
export interface PortDefinition<M extends string = string> {
  /** The kinds that may stand at the other end. */
  readonly to: string | readonly string[];
  readonly sends: readonly M[];
  /**
   * Who says which actor that is: the `topology` (default), or each `message` that is sent, as in an answer to whoever asked.
   */
  readonly bound?: 'topology' | 'message';
  /** It may be left unbound; its address is then the empty string. */
  readonly optional?: boolean;
  /** The actor at the other end has no second actor bound to it by such a port: the owner of a device, say. */
  readonly exclusive?: boolean;
  readonly says?: string;
}

/** Ports by name. `self` is not among them: it leads to the actor itself, for its `timers`. */
export type Ports = Readonly<Record<string, PortDefinition>>;

/** Ports whose messages are among those that an actor knows. */
export type PortsOf<Known extends string> = Readonly<Record<string, PortDefinition<Known>>>;

/** The ports that a topology has to bind. */
export type RequiredPort<P extends Ports> = {
  [N in keyof P]: P[N] extends { readonly bound: 'message' } | { readonly optional: true } ? never : N;
}[keyof P];

/** What a built-in kind is built with; of no kind in particular, anything. */
export type BuiltInInput<R extends ActorKind> = [R] extends [never]
  ? Readonly<Record<string, unknown>>
  : Readonly<InputFrom<(typeof machines)[R]>>;

/** The context of a built-in kind. */
export type BuiltInContext<R extends ActorKind> = SnapshotFrom<(typeof machines)[R]>['context'];

/**
 * How the state of a stand-in may be read: as a context of the kind that it stands in for, or, of a kind that has figures
 * (`zone`, `file`, `disk`, `tlb`), by a function that gives them. Without either, nobody reads it.
 */
export type Shows<R extends ActorKind, S> = 'context' | (R extends FiguredKind ? (state: S) => KindFigures[R] : never);

/** What an actor begins with. */
export interface ActorStart<I = unknown, P extends Ports = Ports, R extends ActorKind = never> {
  readonly id: string;
  /** The addresses that the topology binds. */
  readonly ports: { readonly [N in keyof P]: string };
  /** What the topology gives, judged and filled in by the definition's `input`. */
  readonly input: I;
  readonly kernelPageBytes: number;
  /** Traces, costs and design of the topology: to look at, never to change. */
  readonly resources: ResourceHolder;
  /** For a definition that replaces a built-in kind: what that one is built with. */
  readonly builtIn: BuiltInInput<R>;
}

/** What may be said of one send. */
export interface SendOptions {
  readonly delayCycles?: number;
  /** The address, for a port that is bound by its messages. */
  readonly to?: string;
}

type PortMessages<P extends Ports, N extends keyof P, All> = Extract<All, { readonly type: P[N]['sends'][number] }>;

/**
 * Sends a message by one of the ports, or to the actor itself by `self`. A stand-in has the port `builtIn` as well: by it go its
 * `sends`, each to the address given.
 */
export type SendBy<P extends Ports, All, Own, B extends MessageType = never> = <
  N extends (keyof P & string) | 'self' | ([B] extends [never] ? never : 'builtIn'),
>(
  port: N,
  message: N extends 'self' ? Own : N extends 'builtIn' ? MessageOf<B> : PortMessages<P, N, All>,
  options?: SendOptions,
) => void;

/**
 * A transition written as one pure function for each message: the next state from the state and the message. A state is an
 * object of plain data that keeps its fields.
 */
export interface Transition<
  M extends readonly AnyMessageDefinition[],
  A extends string,
  P extends Ports,
  I,
  S extends object,
  T extends string = never,
  R extends ActorKind = never,
  B extends MessageType = never,
> {
  readonly initial: (start: ActorStart<I, P, R>) => S;
  readonly on: {
    readonly [N in A]: (
      state: S,
      message: Extract<MessagesWith<M>, { readonly type: N }>,
      send: SendBy<P, MessagesWith<M>, Extract<MessagesWith<M>, { readonly type: T }>, B>,
    ) => S;
  };
}

/** The state of another actor at the same moment, for laws that join two: `look('mmu:200').asid`. */
export type Look = <K extends keyof StateByKind>(id: K | `${K}:${string}`) => StateByKind[K];

/** What a law may look at beside its own actor. */
export interface StateByKind {
  readonly mm: MmContext;
  readonly mmu: MmuContext;
  readonly zone: ZoneContext;
  readonly file: FileContext;
}

/** What must hold of an actor's state after each of its events; looked at in the checked mode. */
export interface ActorLaw<S = never> {
  readonly name: string;
  /** What is broken, in words; null where it holds. */
  readonly broken: (state: S, look: Look) => string | null;
}

/** A kind of actor, defined. */
export interface ActorDefinition<K extends string = string, P extends Ports = Ports, I = unknown>
  extends Definition<'actor'> {
  readonly kind: K;
  readonly says: string;
  readonly version: number;
  readonly messages: readonly AnyMessageDefinition[];
  readonly accepts: readonly string[];
  /** Those of them that it sends to itself, later. */
  readonly timers: readonly string[];
  /** Those of them that may come from whoever drives the run. */
  readonly outside: readonly string[];
  readonly ports: P;
  readonly input: Schema<I> | null;
  readonly replaces: ActorKind | null;
  /** Of a stand-in: what it sends in the name of that kind. */
  readonly sends: readonly string[];
  readonly shows: StandIn['shows'];
  readonly laws: readonly ActorLaw[];
  /** The machine that a topology hosts; one for all actors of the kind. */
  readonly logic: AnyActorLogic | Transition<readonly AnyMessageDefinition[], string, Ports, never, object>;
  /** Makes the context again of what a checkpoint holds; absent for contexts of plain data. */
  readonly revive: ((plain: Record<string, unknown>, resources: ResourceHolder) => object) | null;
  /** An actor of this kind for the `actors` of `defineTopology`; every port that a topology binds is named in its place. */
  at(id: `${K}:${string}` | K, ...place: PlaceArguments<P, I>): PlacedActor;
}

/** Where an actor stands: who is at its ports, and what it is told. */
export interface Place<P extends Ports = Ports, I = unknown> {
  readonly ports?: { readonly [N in keyof P]?: string };
  readonly input?: Partial<I>;
}

/** A place that binds the ports that have to be bound. */
export interface BoundPlace<P extends Ports, I> {
  readonly ports: { readonly [N in RequiredPort<P>]: string } & { readonly [N in keyof P]?: string };
  readonly input?: Partial<I>;
}

/** A place may be left out where there is no port to bind. */
export type PlaceArguments<P extends Ports, I> = [RequiredPort<P>] extends [never]
  ? [place?: Place<P, I>]
  : string extends keyof P
    ? [place?: Place<P, I>]
    : [place: BoundPlace<P, I>];

/** An actor of a topology, with its definition. */
export interface PlacedActor {
  readonly id: string;
  readonly ports?: Readonly<Record<string, string>>;
  readonly input?: unknown;
  readonly definition: ActorDefinition;
}
