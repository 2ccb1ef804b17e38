/** What a definition says of the built-in kind that it stands in for, held against what that kind takes and sends. */
import { type ActorKind, acceptedBy, hasFigures, type MessageType, sentBy } from '../../../machines/index.ts';
import { vocabulary } from '../../../machines/vocabulary.ts';
import { GranuleError } from '../../errors.ts';
import { answers } from './answers.ts';

interface Replacing {
  readonly kind: string;
  readonly replaces?: ActorKind;
  readonly accepts: readonly string[];
  readonly sends?: readonly string[];
  readonly shows?: unknown;
}

function refuse(kind: string, field: string, what: string): never {
  throw new GranuleError('DEFINITION_INVALID', what, `actor ${kind}: ${field}`);
}

/** Only of a stand-in somebody reads the state, and figures only of a kind that has any. */
function checkShows(kind: string, replaces: ActorKind, shows: unknown): void {
  if (shows === undefined || shows === 'context') return;
  if (typeof shows !== 'function') refuse(kind, 'shows', "it is 'context', or a function that gives the figures");
  if (!hasFigures(replaces)) refuse(kind, 'shows', `a ${replaces} has no figures: its context is read as a whole`);
}

/** It sends what its kind may, and that is said before anything runs. */
function checkSends(kind: string, replaces: ActorKind, sends: readonly string[] | undefined): void {
  const sendable: readonly string[] = sentBy(replaces);
  const all = `a ${replaces} sends ${sendable.join(', ')}`;
  if (sends === undefined) refuse(kind, 'sends', `it does not say what it sends in the place of a ${replaces}: ${all}`);
  for (const [index, type] of sends.entries()) {
    if (!sendable.includes(type)) refuse(kind, `sends.${index}`, `a ${replaces} may not send ${type}: ${all}`);
  }
}

/** Whoever takes a question sends its answer. */
function checkAnswered({ kind, accepts, sends = [] }: Replacing, replaces: ActorKind): void {
  for (const type of accepts) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is no message of granule's has no answers there
    const expected = (answers[type as MessageType] ?? []).filter((answer) =>
      vocabulary[answer].from.includes(replaces),
    );
    const missing = expected.find((answer) => !sends.includes(answer));
    if (missing !== undefined) refuse(kind, 'sends', `it takes ${type} and does not send ${missing}, which answers it`);
  }
}

/**
 * Refuses a definition that cannot stand in for the kind it names, whatever the topology.
 *
 * @throws GranuleError DEFINITION_INVALID, naming the field
 * @example
 * ```ts
 * const standIn = { kind: 'fast-disk', replaces: 'disk' as const, accepts: ['READ_BLOCKS', 'WRITE_BLOCKS'] };
 * checkReplacement({ ...standIn, sends: ['IO_DONE'] });
 * checkReplacement({ ...standIn, sends: ['FRAMES'] }); // throws DEFINITION_INVALID
 * ```
 */
export function checkReplacement(definition: Replacing): void {
  const { kind, replaces, accepts, sends, shows } = definition;
  if (replaces === undefined) {
    if (shows !== undefined) refuse(kind, 'shows', 'it stands in for no kind, so nobody reads its state');
    if (sends !== undefined) refuse(kind, 'sends', 'it stands in for no kind: what it sends is said by its ports');
    return;
  }
  const core = acceptedBy(replaces);
  if (!core.some((type) => accepts.includes(type))) {
    refuse(kind, 'accepts', `a ${replaces} takes ${core.join(', ')}; it takes none of them`);
  }
  checkSends(kind, replaces, sends);
  checkAnswered(definition, replaces);
  checkShows(kind, replaces, shows);
}
