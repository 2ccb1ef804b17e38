/**
 * Programs that the processes of a topology may execute, and how they come by their page size.
 *
 * @models S-18 S-19 L-11 X-03
 */
import { z } from 'zod';
import { GRANULES } from '../../arch/granule.ts';
import { PT } from '../../mm/elf/elfFile.ts';
import type { ProgramImage } from '../../mm/selection/image.ts';
import { defaultSelection, type SelectionSettings } from '../../mm/selection/settings.ts';
import { parseNumber } from '../../trace/programCalls.ts';

const bytes = z.union([z.string(), z.number()]).transform((value, context) => {
  const parsed = parseNumber(value);
  if (parsed === null || parsed < 0) context.addIssue({ code: 'custom', message: `"${value}" is no size or address` });
  return parsed ?? 0;
});

const pageSize = bytes.refine(
  (value) => (GRANULES as readonly number[]).includes(value),
  'a page size is 4K, 16K or 64K',
);

const rights = z.string().regex(/^r?w?x?$/);

/** One PT_LOAD header; `memoryBytes` is as much as `fileBytes` unless given. */
const segmentSchema = z.strictObject({
  vaddr: bytes,
  offset: bytes,
  fileBytes: bytes,
  memoryBytes: bytes.optional(),
  rights,
  align: bytes.default(4096),
});

const imageSchema = z.strictObject({
  path: z.string().min(1),
  type: z.enum(['exec', 'dyn']).default('exec'),
  size: bytes,
  segments: z.array(segmentSchema).min(1),
  /** The page size in its note. */
  note: pageSize.optional(),
  interpreter: z.string().min(1).optional(),
  setId: z.boolean().default(false),
});

/**
 * The field `selection` of a topology.
 *
 * @example
 * ```ts
 * const segment = { vaddr: '0x400000', offset: 0, fileBytes: '64K', rights: 'rx' };
 * selectionSchema.parse({ images: [{ path: '/bin/a', size: '64K', segments: [segment] }] })?.misfit; // 'kill'
 * ```
 */
export const selectionSchema = z
  .strictObject({
    images: z.array(imageSchema).min(1),
    personality: z.enum(['next-exec', 'at-once', 'absent']).default(defaultSelection.personality),
    prctl: z.boolean().default(defaultSelection.prctl),
    elf: z.enum(['note', 'p-align', 'absent']).default(defaultSelection.elf),
    clone: z.enum(['next-exec', 'absent']).default('next-exec'),
    setId: z.enum(['clear', 'keep']).default(defaultSelection.setId),
    misfit: z.enum(['kill', 'refuse', 'copy', 'kernel-page']).default(defaultSelection.misfit),
  })
  .optional();

const PROT: Readonly<Record<string, number>> = { r: 1, w: 2, x: 4 };

/**
 * What the ABI adapter is built with; nothing where the topology has no programs.
 *
 * @example
 * ```ts
 * selectionInput(undefined, 4096); // {}
 * ```
 */
export function selectionInput(
  field: z.output<typeof selectionSchema>,
  kernelPageBytes: number,
): { selection?: { settings: SelectionSettings; images: ProgramImage[] } } {
  if (field === undefined) return {};
  const { images, ...choices } = field;
  const made = images.map(({ path, type, size, segments, note, interpreter, setId }): ProgramImage => {
    const headers = segments.map(({ rights: letters, memoryBytes, ...segment }) => {
      const prot = letters.split('').reduce((all, letter) => all | (PROT[letter] ?? 0), 0);
      return { type: PT.LOAD, prot, memoryBytes: memoryBytes ?? segment.fileBytes, ...segment };
    });
    return { path, type, headers, sizeBytes: size, notedPageBytes: note ?? 0, interpreter: interpreter ?? null, setId };
  });
  return { selection: { settings: { kernelPageBytes, ...choices }, images: made } };
}
