/** Designs as parameters of a topology: with their defaults it is broken, with others mended. */
import { GranuleError } from '../../errors.ts';
import { type Place, valueAt, withValue } from '../../topology/places.ts';
import { isFields } from '../../topology/form/fields.ts';
import type { PlainTopology } from '../shrink/reducers/plain.ts';

/** A name or a place, and the value that it gets. */
interface Written {
  readonly key: string;
  readonly text: string;
}

function writtenOf(setting: string): Written {
  const at = setting.indexOf('=');
  if (at > 0) return { key: setting.slice(0, at), text: setting.slice(at + 1) };
  throw new GranuleError('USAGE', `"${setting}" sets nothing`, '--mended', 'Write NAME=VALUE.');
}

function valueLike(text: string, like: unknown): unknown {
  if (typeof like === 'number' && /^-?\d+$/.test(text)) return Number(text);
  return typeof like === 'boolean' ? text === 'true' : text;
}

function parametersOf(topology: PlainTopology): PlainTopology {
  return isFields(topology['parameters']) ? topology['parameters'] : {};
}

/**
 * A topology whose parameters have other defaults, as `--set` would set them.
 *
 * @throws GranuleError PARAMETER_UNKNOWN
 * @example
 * ```ts
 * withDefaults({ parameters: { n: { default: 2 } }, cpus: '${n}' }, ['n=4']); // { parameters: { n: { default: 4 } }, cpus: '${n}' }
 * ```
 */
export function withDefaults(topology: PlainTopology, set: readonly string[]): PlainTopology {
  return set.map(writtenOf).reduce<PlainTopology>((made, { key, text }) => {
    const declared = parametersOf(made)[key];
    if (!isFields(declared))
      throw new GranuleError('PARAMETER_UNKNOWN', `there is no parameter ${key}`, `--set ${key}=${text}`);
    return withValue(made, ['parameters', key, 'default'], valueLike(text, declared['default'])) as PlainTopology;
  }, topology);
}

/** A name that no parameter has yet. */
function freeName(topology: PlainTopology, place: Place): string {
  const taken = parametersOf(topology);
  const name = String(place.at(-1));
  return name in taken ? place.join('-') : name;
}

/** Makes a field a parameter that has the value of the field by default. */
function opened(topology: PlainTopology, { key, text }: Written, resolved: unknown) {
  const place: Place = key.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const now = valueAt(topology, place) ?? valueAt(resolved, place);
  if (now === undefined || typeof now === 'object') {
    throw new GranuleError('USAGE', `${key} is no parameter, and no field with one value`, `--mended ${key}=${text}`);
  }
  const name = freeName(topology, place);
  const value = valueLike(text, now);
  const declared = { default: now, oneOf: [now, value], says: `${key}: as it broke, and mended` };
  const made = withValue(topology, place, `\${${name}}`) as PlainTopology;
  return { name, topology: { ...made, parameters: { ...parametersOf(made), [name]: declared } } };
}

/**
 * A topology of which the mended design is a setting of its parameters: fields that are named by their places become parameters.
 *
 * @param resolved the topology with all defaults, for fields that it leaves out
 * @throws GranuleError USAGE
 * @example
 * ```ts
 * withMended({ design: { kpti: false } }, ['design.kpti=true'], {}).mended; // ['kpti=true']
 * withMended({ design: { kpti: false } }, ['design.kpti=true'], {}).topology.design; // { kpti: '${kpti}' }
 * ```
 */
export function withMended(topology: PlainTopology, settings: readonly string[], resolved: unknown) {
  let made = topology;
  const mended: string[] = [];
  for (const setting of settings.map(writtenOf)) {
    let { key } = setting;
    if (!(key in parametersOf(made))) ({ name: key, topology: made } = opened(made, setting, resolved));
    mended.push(`${key}=${setting.text}`);
  }
  return { topology: made, mended };
}
