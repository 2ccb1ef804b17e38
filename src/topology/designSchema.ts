/** The field `design` of a topology: choices that the proposal leaves open, and settings of the kernel. */
import { z } from 'zod';
import { defaultDesign } from '../arch/design.ts';
import { GET_AND_CLEAR } from '../arch/getAndClear.ts';
import { SIZE_FORM } from '../trace/numberForms.ts';
import { parseSize } from './sizes.ts';

const thpMode = z.enum(['always', 'madvise', 'inherit', 'never']);

/** Sizes as keys: "64K" becomes 65536. */
const thpSizes = z
  .record(z.string(), thpMode)
  .transform((sizes, context) => {
    const entries = Object.entries(sizes).map(([text, mode]) => {
      const bytes = parseSize(text);
      if (bytes === null) context.addIssue({ code: 'custom', message: `"${text}" is no size; write 64K` });
      return [bytes ?? 0, mode] as const;
    });
    return Object.fromEntries(entries);
  })
  .meta({ propertyNames: SIZE_FORM.anyOf[0] });

const thpSchema = z.strictObject({
  enabled: z
    .enum(['always', 'madvise', 'never'])
    .default(defaultDesign.thp.enabled)
    .describe('The file `transparent_hugepage/enabled`, which sizes set to `inherit` follow.'),
  sizes: thpSizes
    .default({})
    .describe('The mode of single sizes, as `{ "64K": "always" }`; others are `never`, the PMD size `inherit`.'),
  coveragePercent: z
    .int()
    .min(0)
    .max(100)
    .optional()
    .describe(
      'Share of 64K windows, of anonymous memory and of files, that get a large folio; left out: all that may.',
    ),
});

/**
 * The choices of `src/arch/design.ts`, each with its default there.
 *
 * @example
 * ```ts
 * designSchema.parse({ kpti: true }).fileTail; // 'process-page'
 * ```
 */
export const designSchema = z.strictObject({
  fileTail: z
    .enum(['process-page', 'kernel-page'])
    .default(defaultDesign.fileTail)
    .describe(
      'Where a file ends for a mapping: at the end of its last process page, or kernel page, behind which is SIGBUS.',
    ),
  stackGuardGap: z
    .enum(['process-pages', 'kernel-pages'])
    .default(defaultDesign.stackGuardGap)
    .describe('Whose pages the 256 of `stack_guard_gap` are.'),
  minimumOrder: z
    .enum(['process-page', 'none'])
    .default(defaultDesign.minimumOrder)
    .describe('The least folio of a process: its page, or nothing is asked of the allocator (layer 1 alone).'),
  copyOnWrite: z
    .enum(['process-page', 'kernel-page'])
    .default(defaultDesign.copyOnWrite)
    .describe('What a write to a shared page copies.'),
  zeroPage: z
    .enum(['process-page', 'allocate'])
    .default(defaultDesign.zeroPage)
    .describe('What a read of untouched anonymous memory gets: zero frames as large as the process page, or memory.'),
  untranslatable: z
    .enum(['fall-back', 'fail'])
    .default(defaultDesign.untranslatable)
    .describe('An operation that layer 3 cannot translate: warn and run on the Linux table, or fail the call.'),
  readOrder: z
    .enum(['process-page', 'kernel-page'])
    .default(defaultDesign.readOrder)
    .describe(
      "What read() brings into the cache: folios of the reader's page, or kernel pages, which a mapping drops.",
    ),
  nativeFill: z
    .enum(['eager', 'lazy'])
    .default(defaultDesign.nativeFill)
    .describe(
      'When native entries are written: with each change of the Linux table, or only for what a fault touches.',
    ),
  contpte: z
    .boolean()
    .default(defaultDesign.contpte)
    .describe('The contiguous bit is used in Linux tables (CONFIG_ARM64_CONTPTE).'),
  crossGranuleTlbi: z
    .enum(['honoured', 'ignored'])
    .default(defaultDesign.crossGranuleTlbi)
    .describe('Whether maintenance by address reaches CPUs that use another granule.'),
  crossGranuleFlush: z
    .enum(['by-va', 'asid'])
    .default(defaultDesign.crossGranuleFlush)
    .describe('How user ranges are flushed: by address, or always the whole ASID, which every granule obeys.'),
  tlbiOperands: z
    .enum(['process-page', 'kernel-page'])
    .default(defaultDesign.tlbiOperands)
    .describe(
      "The granule that TLBI operands name; the kernel's is what an unmodified kernel encodes, and may drop nothing.",
    ),
  contiguousTlb: z
    .enum(['per-page', 'per-group'])
    .default(defaultDesign.contiguousTlb)
    .describe('What TLBs keep of a contiguous group: an entry for each page, or one for the group.'),
  kpti: z
    .boolean()
    .default(defaultDesign.kpti)
    .describe('Kernel page-table isolation: every user TLBI twice, ASIDs in pairs.'),
  softDirty: z
    .boolean()
    .optional()
    .describe('CONFIG_MEM_SOFT_DIRTY, which arm64 of 6.12 does not have; left out: false.'),
  getAndClear: z
    .enum(GET_AND_CLEAR)
    .optional()
    .describe(
      'Entries go from both tables in two steps, and which table is first: docs/conversion.md; left out: in one step.',
    ),
  thp: thpSchema.prefault({}).describe('Folio sizes of anonymous memory.'),
});
