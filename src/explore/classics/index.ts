/** The classics: small systems with a known fault of order, and each one mended. `granule explore classic:NAME` explores them. */
import { GranuleError } from '../../errors.ts';
import type { Model } from '../model.ts';
import { dirtyLost, shootdownWithoutAck, storeBuffering } from './hardwareFaults.ts';
import {
  abaStack,
  doubleCheckedInit,
  doubleFree,
  listWithoutGrace,
  refcountFromZero,
  tornRead,
} from './memoryFaults.ts';
import {
  lockOrder,
  lostUpdate,
  missedWakeUp,
  petersonOrder,
  politeProcesses,
  testThenSet,
  waitOnce,
} from './orderFaults.ts';
import { type SharedAction, sharedModel, type SharedState, type SharedSystem } from './shared.ts';

const SYSTEMS: readonly ((isMended: boolean) => SharedSystem)[] = [
  abaStack,
  dirtyLost,
  doubleCheckedInit,
  doubleFree,
  listWithoutGrace,
  lockOrder,
  lostUpdate,
  missedWakeUp,
  petersonOrder,
  politeProcesses,
  refcountFromZero,
  shootdownWithoutAck,
  storeBuffering,
  testThenSet,
  tornRead,
  waitOnce,
];

/** What is behind the name of a classic that is mended. */
export const MENDED = '-mended';

function modelsOf(system: (isMended: boolean) => SharedSystem): [string, Model<SharedState, SharedAction>][] {
  const broken = sharedModel(system(false));
  const mended = { ...system(true), name: `${broken.name}${MENDED}` };
  return [
    [broken.name, broken],
    [mended.name, sharedModel(mended)],
  ];
}

/** Every classic by its name, each followed by its mended twin. */
export const classics: Readonly<Record<string, Model<SharedState, SharedAction>>> = Object.fromEntries(
  SYSTEMS.flatMap(modelsOf),
);

/**
 * A classic by its name.
 *
 * @throws GranuleError EXPLORE_MODEL_UNKNOWN
 * @example
 * ```ts
 * classic('lost-update').name; // 'lost-update'
 * classic('lost-update-mended').name; // 'lost-update-mended'
 * classic('found-update'); // throws EXPLORE_MODEL_UNKNOWN
 * ```
 */
export function classic(name: string): Model<SharedState, SharedAction> {
  const model = classics[name];
  if (model !== undefined) return model;
  const names = Object.keys(classics).join(', ');
  throw new GranuleError('EXPLORE_MODEL_UNKNOWN', `there is no classic ${name}`, `there are: ${names}`);
}
