import { GranuleError, invariant } from '../errors.ts';

/** Turns a payload of one version of a message type into one of the next version. Pure; it must not change its input. */
export type Upcaster = (payload: unknown) => unknown;

/** The current version of a message type and the steps that lead to it from version 1. */
export interface MessageVersion {
  readonly version: number;
  /** `upcasters[i]` lifts version i + 1 to version i + 2; there are `version - 1` of them. */
  readonly upcasters: readonly Upcaster[];
}

/** Version and upcasters of every message type. */
export type VersionRegistry = Readonly<Record<string, MessageVersion>>;

/**
 * Checks a registry: versions are 1 or more, and no step from version 1 to the current one is missing.
 *
 * @throws GranuleError INVARIANT, naming the type
 * @example
 * ```ts
 * const registry = defineVersions({ ALLOC: { version: 2, upcasters: [(payload) => ({ order: payload })] } });
 * registry['ALLOC']?.version; // 2
 * ```
 */
export function defineVersions(registry: VersionRegistry): VersionRegistry {
  for (const [type, { version, upcasters }] of Object.entries(registry)) {
    invariant(Number.isSafeInteger(version) && version >= 1, `message type ${type} has a version of 1 or more`);
    invariant(
      upcasters.length === version - 1 && Array.from(upcasters).every((step) => typeof step === 'function'),
      `message type ${type} of version ${version} has one upcaster for each of the ${version - 1} steps to it`,
    );
  }
  return registry;
}

/**
 * The version of every type, as the meta of a new log keeps them.
 *
 * @example
 * ```ts
 * messageVersions({ ALLOC: { version: 1, upcasters: [] } }); // { ALLOC: 1 }
 * ```
 */
export function messageVersions(registry: VersionRegistry): Record<string, number> {
  return Object.fromEntries(Object.entries(registry).map(([type, { version }]) => [type, version]));
}

/**
 * What lifts the payloads of a log to the current versions. Types that the registry does not know stay as they are.
 *
 * @param written the versions in the log's meta; 1 for types not named
 * @returns undefined when every payload is current already
 * @throws GranuleError LOG_VERSION when the log holds a newer version than the registry
 * @example
 * ```ts
 * const registry = defineVersions({ ALLOC: { version: 2, upcasters: [(payload) => ({ order: payload })] } });
 * upcastFrom({ ALLOC: 1 }, registry)?.('ALLOC', 3); // { order: 3 }
 * ```
 */
export function upcastFrom(
  written: Readonly<Record<string, number>>,
  registry: VersionRegistry,
): ((type: string, payload: unknown) => unknown) | undefined {
  const steps = new Map<string, readonly Upcaster[]>();
  for (const [type, { version, upcasters }] of Object.entries(registry)) {
    const from = Object.hasOwn(written, type) ? written[type] : 1;
    if (from === undefined || !Number.isSafeInteger(from) || from < 1 || from > version) {
      const what = `the log holds version ${from} of message ${type}, this granule knows 1 to ${version}`;
      throw new GranuleError('LOG_VERSION', what, `meta.messageVersions.${type}`);
    }
    if (from < version) steps.set(type, upcasters.slice(from - 1));
  }
  if (steps.size === 0) return undefined;
  return (type, payload) => (steps.get(type) ?? []).reduce((lifted, step) => step(lifted), payload);
}
