/**
 * Formulas that count what tables of the model say: architectures, drivers, files of procfs, calls, walkers of page tables; and
 * how the native entry of an address is found.
 *
 * @models S-01 S-06 S-12 S-20 S-30 S-45 S-49 S-50 T-03 T-12 T-18 D-10 D-11
 */
import { architectures } from '../../arch/architectures.ts';
import { geometryOf } from '../../arch/granule.ts';
import { countTlbi, tlbiPlan } from '../../arch/tlbi.ts';
import { mustInvalidate } from '../../arch/tlbiOperand.ts';
import { type AbiRule, abiRules } from '../../mm/abi/rules.ts';
import { misread, pgdConsumers } from '../../mm/gup/pgdConsumers.ts';
import { linuxTablesPerNative, sectionOf } from '../../mm/nativeSections.ts';
import { driverShapes } from '../../mm/objects/driverShapes.ts';
import { kcoreBytes, kcorePieces } from '../../mm/procfs/systemFiles.ts';
import { procfsMatrix, type ProcfsPolicy, toolReads, toolWorks, verdictOf } from '../../mm/procfs/matrix.ts';
import { nativeFormOf } from '../../mm/thp/pmdMapped.ts';
import type { Formula } from './formula.ts';

const COUNTED = 'a table of the model, counted';

/**
 * Architectures, and on which user space could have a granule of its own.
 *
 * @example
 * ```ts
 * architecturesCount.work(operandsOf(architecturesCount, {})).native; // 2
 * ```
 */
export const architecturesCount: Formula = {
  name: 'architectures',
  says:
    'how many architectures are described, on how many user space could have a granule of its own, and on ' +
    'how many by a field of the root',
  source: `src/arch/architectures.ts: ${COUNTED}`,
  operands: [],
  work() {
    const all = Object.values(architectures);
    const native = all.filter(({ nativeTables }) => nativeTables.possible);
    return {
      all: all.length,
      native: native.length,
      byRoot: native.filter(({ granuleFixedBy }) => granuleFixedBy === 'root').length,
      softwareRefill: all.filter(({ walker }) => walker === 'software-refill').length,
      names: native.map(({ name }) => name).join(', '),
      reasonX86: architectures['x86-64'].nativeTables.why,
      reasonRiscv: architectures.riscv64.nativeTables.why,
    };
  },
};

/**
 * Shapes by which drivers map memory, and where each can be mended.
 *
 * @example
 * ```ts
 * driverShapesCount.work(operandsOf(driverShapesCount, {})).all; // 8
 * ```
 */
export const driverShapesCount: Formula = {
  name: 'driverShapes',
  says:
    'shapes by which drivers map memory, and how many can be mended in the core, in the core for what it ' +
    'sees, and only in each driver',
  source: `src/mm/objects/driverShapes.ts: ${COUNTED}; functions of Linux 6.12 are named there`,
  operands: [],
  work() {
    const all = Object.values(driverShapes);
    const of = (mended: 'core' | 'partly' | 'driver'): number => all.filter((row) => row.mended === mended).length;
    return { all: all.length, core: of('core'), partly: of('partly'), driver: of('driver') };
  },
};

/**
 * What a reader of larger pages gets of the files of procfs and sysfs.
 *
 * @example
 * ```ts
 * procfs.work(operandsOf(procfs, { policy: 'defeature' })).refused; // 0
 * ```
 */
export const procfs: Formula = {
  name: 'procfs',
  says:
    'files in the matrix, and of how many a reader of larger pages gets the value, a rounded count, an ' +
    'error, or nothing; and common tools that work across sizes',
  source: `src/mm/procfs/matrix.ts: ${COUNTED}`,
  operands: [{ name: 'policy', says: '`translate` or `defeature`', usual: 'translate' }],
  work(operands) {
    const policy: ProcfsPolicy = operands.word('policy') === 'defeature' ? 'defeature' : 'translate';
    const verdicts = procfsMatrix.map((row) => verdictOf(row, 'larger', policy));
    const count = (is: (verdict: string) => boolean): number => verdicts.filter((verdict) => is(verdict)).length;
    return {
      files: procfsMatrix.length,
      value: count((verdict) => verdict === 'value'),
      rounded: count((verdict) => verdict === 'rounded'),
      hidden: count((verdict) => verdict === 'hidden'),
      refused: count((verdict) => verdict.startsWith('E')),
      kernelFrames: procfsMatrix.filter((row) => row.scope === 'system' && row.smaller !== 'value').length,
      tools: toolReads.length,
      toolsWorking: toolReads.filter(({ reads }) => toolWorks(reads, 'larger', policy)).length,
    };
  },
};

/** Steps of a rule that look at the caller's page size. */
const LOOKS_AT_PAGE = new Set(['aligned', 'up', 'down', 'outward', 'hint', 'cap']);
const CONDITIONS = new Set(['hugeSizeUnknown', 'vectorOutside', 'pgoffWraps', 'maskTooLong']);

function pageSteps({ steps, late = [] }: AbiRule): number {
  return [...steps, ...late].filter(
    (step) => LOOKS_AT_PAGE.has(step.do) || (step.do === 'refuse' && CONDITIONS.has(step.when)),
  ).length;
}

/**
 * Calls in the table of layer 1, and places at which it looks at the caller's page size.
 *
 * @example
 * ```ts
 * Number(abiCalls.work(operandsOf(abiCalls, {})).points) > 40; // true
 * ```
 */
export const abiCalls: Formula = {
  name: 'abiCalls',
  says: 'calls in the table of layer 1, how many of them depend on the page size of the caller, and at how many points',
  source: `src/mm/abi/rules.ts: ${COUNTED}; functions of Linux 6.12 are named there`,
  operands: [],
  work() {
    const rows: AbiRule[] = Object.values(abiRules);
    const points = rows.map((row) => pageSteps(row));
    return {
      calls: rows.length,
      dependent: points.filter((count) => count > 0).length,
      points: points.reduce((sum, count) => sum + count, 0),
    };
  },
};

/** An address high in user space, and one near its beginning: a wrong geometry fails at the root in two ways. */
const HIGH_VA = 0xffff_0000_0000;
const LOW_VA = 0x1234_5000;

/**
 * Who else follows the root of a process, and what a walk by another geometry meets.
 *
 * @example
 * ```ts
 * walkers.work(operandsOf(walkers, {})).hardware; // 1
 * ```
 */
export const walkers: Formula = {
  name: 'walkers',
  says:
    'who else follows the root of a process, and what a walk with the kernel’s geometry finds at the root ' +
    'of a native table',
  source: `src/mm/gup/pgdConsumers.ts: ${COUNTED}; functions of Linux 6.12 are named there`,
  operands: [],
  work: () => ({
    all: pgdConsumers.length,
    hardware: pgdConsumers.filter(({ walks }) => walks === 'hardware').length,
    software: pgdConsumers.filter(({ walks }) => walks === 'software').length,
    inLinuxTable: misread(4096, 4096, HIGH_VA),
    highInNative: misread(4096, 65536, HIGH_VA),
    lowInNative: misread(4096, 65536, LOW_VA),
  }),
};

/**
 * How the native entry of an address is found: by pointers in the descriptors of Linux tables, or from the root.
 *
 * @example
 * ```ts
 * sections.work(operandsOf(sections, {})).linuxTables; // 256
 * ```
 */
export const sections: Formula = {
  name: 'sections',
  says:
    'Linux tables that share one native table, the part that each points to, native tables under one ' +
    'Linux PMD table, and tables read from the root',
  source: 'the mail of 23 February 2026 on pointers in struct ptdesc; src/mm/nativeSections.ts',
  operands: [
    { name: 'kernel', says: 'page size of the kernel', usual: '4K' },
    { name: 'process', says: 'page size of the process', usual: '64K' },
  ],
  work(operands) {
    const linux = geometryOf(operands.bytes('kernel'));
    const native = geometryOf(operands.bytes('process'));
    const { entries } = sectionOf(linux, native, 0);
    const pmdTableBytes = linux.levels[linux.levels.length - 2].tableSpanBytes;
    const nativeSpanBytes = native.levels[native.levels.length - 1].tableSpanBytes;
    return {
      linuxTables: linuxTablesPerNative(linux, native),
      sectionEntries: entries,
      sectionBytes: entries * 8,
      nativePerPmdTable: pmdTableBytes / nativeSpanBytes,
      rootWalkReads: native.levels.length,
      pointerReads: 1,
    };
  },
};

/**
 * TLB maintenance of a range, by the granule of the process and by that of the kernel.
 *
 * @example
 * ```ts
 * maintenance.work(operandsOf(maintenance, { length: '1M' })).instructions; // 16
 * ```
 */
export const maintenance: Formula = {
  name: 'maintenance',
  says:
    'TLBI instructions of a flush of one range by either granule, 0 where the whole ASID goes; and ' +
    'whether an operand of the kernel’s granule must invalidate an entry of the process’s',
  source: 'arch/arm64/include/asm/tlbflush.h:__flush_tlb_range_op; Arm ARM D8.17, C5.5.36',
  operands: [
    { name: 'length', says: 'of the range' },
    { name: 'kernel', says: 'page size of the kernel', usual: '4K' },
    { name: 'process', says: 'page size of the process', usual: '64K' },
  ],
  work(operands) {
    const lengthBytes = operands.bytes('length');
    const [kernel, process] = [operands.bytes('kernel'), operands.bytes('process')];
    const entry = { granuleBytes: process, level: 3 };
    const range = { startVa: 0, endVa: lengthBytes, strideBytes: kernel, granuleBytes: kernel };
    const ranged = tlbiPlan({ ...range, tlbRange: true, lastLevelOnly: true, level: 3 });
    return {
      instructions: countTlbi(lengthBytes, process, false) ?? 0,
      kernelInstructions: countTlbi(lengthBytes, kernel, false) ?? 0,
      rangeOfKernel: mustInvalidate({ range: true, granuleBytes: kernel, level: null }, entry),
      hintOfKernel: mustInvalidate({ range: false, granuleBytes: kernel, level: 3 }, entry),
      bareOfKernel: mustInvalidate({ range: false, granuleBytes: kernel, level: null }, entry),
      rangeOfProcess: mustInvalidate({ range: true, granuleBytes: process, level: 3 }, entry),
      rangeInstructions: ranged.length,
    };
  },
};

/**
 * What a huge page of the kernel becomes in the native table of a process.
 *
 * @example
 * ```ts
 * nativeForm.work(operandsOf(nativeForm, { huge: '2M' })).entries; // 32
 * ```
 */
export const nativeForm: Formula = {
  name: 'nativeForm',
  says:
    'level and entries that a huge page takes in the native table, and how many contiguous groups these ' +
    'are; entries 0: it cannot be there',
  source: 'arch/arm64/include/asm/pgtable-hwdef.h:CONT_PTE_SHIFT; src/mm/thp/pmdMapped.ts',
  operands: [
    { name: 'huge', says: 'size of the huge page' },
    { name: 'process', says: 'page size of the process', usual: '64K' },
  ],
  work(operands) {
    const form = nativeFormOf(operands.bytes('huge'), operands.bytes('process'));
    if (form === null) return { entries: 0, level: 0, groups: 0 };
    return { entries: form.entries, level: form.level, groups: form.groups };
  },
};

/**
 * A read of /proc/kcore, copied through a bounce buffer of one page.
 *
 * @example
 * ```ts
 * bounce.work(operandsOf(bounce, { offset: 4095, length: 2 })).pieces4K; // 2
 * ```
 */
export const bounce: Formula = {
  name: 'bounce',
  says: 'pieces of a read through a bounce buffer of a page of 4K and of 64K, and whether the bytes are the same',
  source: 'fs/proc/kcore.c:read_kcore_iter',
  operands: [
    { name: 'offset', says: 'of the first byte' },
    { name: 'length', says: 'how many bytes' },
  ],
  work(operands) {
    const [offset, length] = [operands.count('offset'), operands.count('length')];
    const [small, large] = [4096, 65536].map((page) => kcorePieces(offset, length, page));
    const [ofSmall, ofLarge] = [kcoreBytes(small), kcoreBytes(large)];
    const same = ofSmall.length === ofLarge.length && ofSmall.every((byte, at) => byte === ofLarge[at]);
    return { pieces4K: small.length, pieces64K: large.length, same };
  },
};
