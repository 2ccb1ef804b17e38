import { describe, expect, test } from 'vitest';
import { switchSteps, tg0Of } from '../../src/arch/ttbrSwitch.ts';

describe('a switch of the address space', () => {
  test('changes TG0 between two ISBs, while the reserved table is installed', () => {
    const steps = switchSteps(65536, 4096);
    const at = steps.indexOf('TCR_EL1 TG0');
    expect(steps.slice(0, at + 2)).toEqual(['TTBR0_EL1 reserved', 'ISB', 'TCR_EL1 TG0', 'ISB']);
    expect(steps.indexOf('TTBR0_EL1 pgd')).toBeGreaterThan(at + 1);
    expect(steps.at(-1)).toBe('ISB');
  });

  test('writes no TCR where the granule stays, or where nothing was installed', () => {
    expect(switchSteps(16384, 16384)).not.toContain('TCR_EL1 TG0');
    expect(switchSteps(null, 65536)).not.toContain('TCR_EL1 TG0');
    expect(switchSteps(4096, 4096).length).toBe(4);
  });

  test('encodes TG0 as 00, 10 and 01 for 4K, 16K and 64K', () => {
    expect([4096, 16384, 65536].map(tg0Of)).toEqual([0b00, 0b10, 0b01]);
  });
});
