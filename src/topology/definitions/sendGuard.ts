/** What an actor of a user's own may send, held against what it does send. */
import { kindOf, vocabulary } from '../../../machines/index.ts';
import type { MessageType } from '../../../machines/index.ts';
import { GranuleError } from '../../errors.ts';
import type { Message } from '../../runtime/envelope.ts';
import { checkPlain } from '../../runtime/plainData.ts';
import type { ActorDefinition, PortDefinition } from './actorTypes.ts';
import { schemaFault } from './defineMessage.ts';

/** Looks at a message that an actor sends. */
export type SendGuard = (to: string, message: Message) => void;

function kindIn(id: string): string {
  return id.split(':', 1)[0] ?? '';
}

function leadsTo({ to, bound }: PortDefinition, kind: string, address: string, target: string): boolean {
  const kinds = typeof to === 'string' ? [to] : to;
  return kinds.includes(kind) && (bound === 'message' || address === target);
}

/** A stand-in sends what it says, to whom the vocabulary lets the kind send it. */
function isOfReplaced({ replaces, sends }: ActorDefinition, kind: string, type: string): boolean {
  if (replaces === null || !sends.includes(type)) return false;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was just looked up
  const { from, to } = vocabulary[type as MessageType];
  const target = kindOf(kind);
  return from.includes(replaces) && target !== null && to.includes(target);
}

/**
 * The guard of one actor, from its definition and the addresses at its ports.
 *
 * @example
 * ```ts
 * const clock = defineActor({ kind: 'clock', says: 'Ticks.', accepts: ['START'], machine: createMachine({ on: { START: {} } }) });
 * const guard = sendGuard(clock, 'clock', {});
 * guard('disk', { type: 'READ_BLOCKS' }); // throws MESSAGE_UNDECLARED
 * ```
 */
export function sendGuard(
  definition: ActorDefinition,
  id: string,
  addresses: Readonly<Record<string, string>>,
): SendGuard {
  const { ports, timers, messages } = definition;
  const schemas = new Map(messages.map(({ type, fields }) => [type, fields]));
  return (to, message) => {
    const { type, ...fields } = message;
    const kind = kindIn(to);
    const declared =
      (to === id && timers.includes(type)) ||
      Object.entries(ports).some(
        ([name, port]) => port.sends.includes(type) && leadsTo(port, kind, addresses[name] ?? '', to),
      ) ||
      isOfReplaced(definition, kind, type);
    if (!declared) {
      const what = `${id} sends ${type} to ${to}, and no port of ${definition.kind} says so`;
      throw new GranuleError('MESSAGE_UNDECLARED', what, `definition of ${definition.kind}: ports`);
    }
    checkPlain(message, type);
    const schema = schemas.get(type);
    const fault = schema === undefined ? null : schemaFault(schema, fields, `message ${type}`);
    if (fault !== null) {
      throw new GranuleError('MESSAGE_INVALID', `${id} sends ${type} to ${to}: ${fault}`, `message ${type}`);
    }
  };
}
