import { describe, expect, test } from 'vitest';
import { abiWorld, runAbi } from '../../src/validate/abiRun.ts';
import type { AbiAction } from '../../src/validate/abiStep.ts';

const BASE = 0x200000000;

/** Faults of each access to a shared mapping of one page, on a file system of that kind. */
function faultsOn(kind: 'tmpfs' | 'ext4', between: AbiAction[]): number[] {
  const file = '/data/file';
  const map: AbiAction = { op: 'mmap', addr: BASE, lengthBytes: 65536, prot: 3, flags: 0x11, file, offsetBytes: 0 };
  const load: AbiAction = { op: 'load', addr: BASE };
  const store: AbiAction = { op: 'store', addr: BASE };
  const actions = [map, load, store, ...between, store];
  const files = [{ path: file, size: 65536, kind, cached: true }];
  const { answers, failure } = runAbi(abiWorld(65536, 4096), { name: kind, fileBytes: 4096, actions, files });
  expect(failure).toBeNull();
  return [1, 2, actions.length - 1].map((at) => (answers[at]?.minflt ?? 0) + (answers[at]?.majflt ?? 0));
}

const sync: AbiAction = { op: 'msync', addr: BASE, lengthBytes: 65536, flags: 4 };
const protect = (prot: number): AbiAction => ({ op: 'mprotect', addr: BASE, lengthBytes: 65536, prot });

describe('the first write to a page of a shared mapping (mm/mmap.c:vma_wants_writenotify)', () => {
  test('faults on ext4, which wants to hear of it, and not on tmpfs', () => {
    expect(faultsOn('ext4', []).slice(0, 2)).toEqual([1, 1]);
    expect(faultsOn('tmpfs', []).slice(0, 2)).toEqual([1, 0]);
  });

  test('faults again after msync(MS_SYNC) has written the page back', () => {
    expect(faultsOn('ext4', [sync])[2]).toBe(1);
    expect(faultsOn('tmpfs', [sync])[2]).toBe(0);
  });

  test('does not fault after mprotect took the permission and gave it back to a dirty page', () => {
    expect(faultsOn('ext4', [protect(1), protect(3)])[2]).toBe(0);
  });

  test('faults after mprotect where the page has been written back in between', () => {
    expect(faultsOn('ext4', [sync, protect(1), protect(3)])[2]).toBe(1);
  });
});
