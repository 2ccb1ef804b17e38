/**
 * docs/cores.md is held to the presets: its table is generated.
 *
 * @models S-04
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CorePreset, corePresets, type TlbShape } from '../../src/arch/cores.ts';
import { formatSize } from '../../src/arch/granule.ts';

const PATH = new URL('../../docs/cores.md', import.meta.url);

function shape({ entries, ways, indexFromBit }: TlbShape, field: string, unverified: readonly string[]): string {
  const doubt = (part: string): string => (unverified.includes(`${field}.${part}`) ? '?' : '');
  const all = unverified.includes(field) ? '?' : '';
  const sets =
    ways === entries ? (doubt('ways') === '' ? '' : ', fully associative?') : `, ${ways}-way${doubt('ways')}`;
  const index = indexFromBit === 'page' ? '' : `, VA[${indexFromBit}]${doubt('indexFromBit')}`;
  return `${entries}${sets}${index}${all}`;
}

function rowOf(core: CorePreset): string {
  const { name, l1i, l1d, l2, walkCache, l2HitCycles, tlbRange, hardwareDirty, granules, source, unverified } = core;
  const mark = (field: string, text: string): string => `${text}${unverified.includes(field) ? '?' : ''}`;
  const walks = typeof walkCache === 'string' ? walkCache.replace('-l2', ' L2') : shape(walkCache, 'walkCache', []);
  const cells = [
    `\`${name}\``,
    shape(l1i, 'l1i', unverified),
    shape(l1d, 'l1d', unverified),
    shape(l2, 'l2', unverified),
    mark('walkCache', walks),
    l2HitCycles === null ? 'not known' : `${l2HitCycles} cycles`,
    mark('tlbRange', tlbRange ? 'yes' : 'no'),
    mark('hardwareDirty', hardwareDirty ? 'yes' : 'no'),
    mark('granules', granules.map((bytes) => formatSize(bytes)).join(', ')),
    source,
  ];
  return `| ${cells.join(' | ')} |`;
}

const HEAD =
  '| core | L1 I | L1 D | L2 | walk cache | an L2 hit adds | range TLBI | dirty bit by hardware | granules | source |';

describe('the presets of cores', () => {
  it('are in docs/cores.md as they are (UPDATE_DOCS=1 writes it anew)', () => {
    const rows = Object.values<CorePreset>(corePresets).map(rowOf);
    const table = [HEAD, '|---|---|---|---|---|---|---|---|---|---|', ...rows].join('\n');
    const section = `<!-- cores -->\n${table}\n<!-- end cores -->`;
    let text = readFileSync(PATH, 'utf8');
    const place = /<!-- cores -->[\s\S]*?<!-- end cores -->/;
    expect(text).toMatch(place);
    if (process.env['UPDATE_DOCS'] === '1') {
      text = text.replace(place, () => section);
      writeFileSync(PATH, text);
    }
    expect(text).toContain(section);
  });

  it('have those that people ask for by name', () => {
    const asked = ['cortex-a76', 'neoverse-n1', 'neoverse-v1', 'neoverse-v2', 'neoverse-n2', 'apple-m1-firestorm'];
    expect(Object.keys(corePresets)).toEqual(expect.arrayContaining(asked));
  });

  it('doubt only fields that there are, and have a source for the others', () => {
    for (const core of Object.values<CorePreset>(corePresets)) {
      for (const field of core.unverified) {
        const [name = '', part] = field.split('.');
        const value: unknown = core[name as keyof CorePreset];
        expect(value, `${core.name}: ${field}`).toBeDefined();
        if (part !== undefined) expect(value, `${core.name}: ${field}`).toHaveProperty(part);
      }
      const doubted = ['l1i', 'l1d', 'l2'].every((field) => core.unverified.includes(field));
      expect(core.source === 'none', core.name).toBe(doubted);
    }
  });
});
