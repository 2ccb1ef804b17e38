/**
 * Laws of layer 1 that hold for any call.
 *
 * @models S-20 S-22 X-01
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RuledCall } from '../../src/mm/abi/rules.ts';
import { abiRules } from '../../src/mm/abi/rules.ts';
import { translateCall } from '../../src/mm/abiRules.ts';
import { isPlanned } from '../../src/mm/calls/index.ts';
import '../support/propertySeed.ts';

const PAGE_SIZES = [4096, 16384, 65536];

/** Addresses around borders of every page size, around the ends of user memory and of the word. */
const address = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 64 }), fc.constantFrom(-1, 0, 1, 512))
    .map(([n, off]) => Math.max(0, n * 4096 + off)),
  fc.integer({ min: 0, max: 32 }).map((n) => 2 ** 48 - n * 8192),
  fc.integer({ min: 0, max: 32 }).map((n) => 2 ** 64 - (n + 1) * 2048),
);
const length = address;
const flags = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.integer({ min: 0, max: 2 ** 27 }));
const small = fc.integer({ min: -1, max: 30 });

const call: fc.Arbitrary<RuledCall> = fc.oneof(
  fc.record({
    op: fc.constant('mmap' as const),
    addr: address,
    lengthBytes: length,
    prot: small,
    flags,
    file: fc.constantFrom(null, 'f'),
    offsetBytes: address,
  }),
  fc.record({
    op: fc.constantFrom('munmap' as const, 'mlock' as const, 'munlock' as const),
    addr: address,
    lengthBytes: length,
  }),
  fc.record({ op: fc.constant('mprotect' as const), addr: address, lengthBytes: length, prot: small }),
  fc.record({
    op: fc.constant('mremap' as const),
    addr: address,
    oldLengthBytes: length,
    newLengthBytes: length,
    flags: fc.integer({ min: 0, max: 8 }),
    newAddr: address,
  }),
  fc.record({ op: fc.constant('madvise' as const), addr: address, lengthBytes: length, advice: small }),
  fc.record({
    op: fc.constantFrom('msync' as const, 'mlock2' as const, 'mseal' as const),
    addr: address,
    lengthBytes: length,
    flags: fc.integer({ min: 0, max: 8 }),
  }),
  fc.record({ op: fc.constant('mincore' as const), addr: address, lengthBytes: length }),
  fc.record({
    op: fc.constant('remap_file_pages' as const),
    addr: address,
    lengthBytes: length,
    prot: fc.constantFrom(0, 0, 1),
    pgoff: small,
    flags,
  }),
  fc.record({
    op: fc.constant('mbind' as const),
    addr: address,
    lengthBytes: length,
    mode: small,
    maxNode: fc.constantFrom(0, 1, 8, 1e6),
    flags: fc.integer({ min: 0, max: 8 }),
    nodes: fc.constantFrom<number[]>([], [0], [1]),
  }),
  fc.record({
    op: fc.constant('set_vma_anon_name' as const),
    addr: address,
    lengthBytes: length,
    name: fc.constantFrom(null, 'a', '['),
  }),
  fc.record({ op: fc.constant('uffdio_wake' as const), fd: fc.constant('u'), addr: address, lengthBytes: length }),
);

/** Arguments of an accepted call that an mm takes as whole pages. */
function pageArguments(made: RuledCall): number[] {
  if (made.op === 'mmap') return [made.addr, made.lengthBytes, made.offsetBytes];
  if (made.op === 'mremap') return [made.addr, made.oldLengthBytes, made.newLengthBytes];
  return 'addr' in made && 'lengthBytes' in made ? [made.addr, made.lengthBytes] : [];
}

describe('layer 1', () => {
  it('hands on whole pages of the caller alone, of some length, below the end of the word', () => {
    fc.assert(
      fc.property(call, fc.constantFrom(...PAGE_SIZES), (given, pageBytes) => {
        const answer = translateCall(given, pageBytes);
        if (!('call' in answer)) return;
        const made = answer.call;
        for (const value of pageArguments(made)) expect(value % pageBytes).toBe(0);
        if ('lengthBytes' in made && 'addr' in made) {
          expect(made.lengthBytes).toBeGreaterThan(0);
          expect(made.addr + made.lengthBytes).toBeLessThan(made.op === 'mmap' ? 2 ** 65 : 2 ** 64);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('asks nothing more of what it has handed on', () => {
    fc.assert(
      fc.property(call, fc.constantFrom(...PAGE_SIZES), (given, pageBytes) => {
        const answer = translateCall(given, pageBytes);
        // What was asked of the lengths as given cannot be asked again.
        if (!('call' in answer) || given.op === 'mremap') return;
        expect(translateCall(answer.call, pageBytes)).toEqual(answer);
      }),
      { numRuns: 3000 },
    );
  });

  it('refuses in a larger page what it refuses in a smaller one, away from the end of the word', () => {
    const huge = 0x40000;
    fc.assert(
      fc.property(call, fc.constantFrom(...PAGE_SIZES), (given, pageBytes) => {
        if (given.op === 'mbind' || (given.op === 'mmap' && (given.flags & huge) !== 0)) return;
        if (given.op === 'remap_file_pages') return;
        // Where numbers wrap, a large page may round to nothing what a small one does not.
        if (Object.values(given).some((value) => typeof value === 'number' && value > 2 ** 50)) return;
        const answer = translateCall(given, pageBytes);
        const finer = translateCall(given, 4096);
        if ('errno' in finer) expect(answer).toHaveProperty('errno');
      }),
      { numRuns: 3000 },
    );
  });

  it('has for each call of an mm a rule with at least one source', () => {
    for (const [op, rule] of Object.entries(abiRules)) {
      expect(rule.source).not.toBe('');
      expect((rule.late ?? []).length > 0, op).toBe(rule.after !== undefined);
      // shmdt is ipc's.
      if (isPlanned({ op }) && op !== 'shmdt') expect(rule.source).toMatch(/mm\/|arch\/arm64/);
    }
  });
});
