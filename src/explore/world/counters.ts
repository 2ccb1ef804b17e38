/**
 * Counters that nobody acts on: they differ from way to way, and would make two states of one. Left out of fingerprints; a test holds
 * that they change no message, and no field but themselves.
 */
import { kindOf, type MessageType } from '../../../machines/index.ts';
import type { Ignored } from './localStates.ts';
import type { IgnoredFields } from './hash.ts';

const NONE: IgnoredFields = new Set();

const ofKinds: Readonly<Record<string, readonly string[]>> = {};

const ofMessages: Partial<Record<MessageType, readonly string[]>> = {};

const actorFields = new Map(Object.entries(ofKinds).map(([kind, fields]) => [kind, new Set(fields)]));
const messageFields = new Map(Object.entries(ofMessages).map(([type, fields]) => [type, new Set(fields)]));

/** What fingerprints of granule's own kinds leave out. */
export const ignoredCounters: Ignored = {
  ofActor: (id) => actorFields.get(kindOf(id) ?? '') ?? NONE,
  ofMessage: (type) => messageFields.get(type) ?? NONE,
};
