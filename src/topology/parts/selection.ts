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
import { EXTENT_FORM, HEX_PAGE_SIZE_FORM } from '../../trace/numberForms.ts';
import { parseNumber } from '../../trace/programCalls.ts';

const bytes = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const parsed = parseNumber(value);
    if (parsed === null || parsed < 0)
      context.addIssue({ code: 'custom', message: `"${value}" is no size or address` });
    return parsed ?? 0;
  })
  .meta(EXTENT_FORM);

const pageSize = bytes
  .refine((value) => (GRANULES as readonly number[]).includes(value), 'a page size is 4K, 16K or 64K')
  .meta(HEX_PAGE_SIZE_FORM);

const rights = z.string().regex(/^r?w?x?$/);

/** One PT_LOAD header; `memoryBytes` is as much as `fileBytes` unless given. */
const segmentSchema = z.strictObject({
  vaddr: bytes.describe('Where it is loaded.'),
  offset: bytes.describe('Where it begins in the file.'),
  fileBytes: bytes.describe('Its length in the file.'),
  memoryBytes: bytes.optional().describe('Its length in memory; left out: as in the file.'),
  rights: rights.describe('Some of `rwx`, in this order.'),
  align: bytes.default(4096).describe('`p_align`.'),
});

const imageSchema = z.strictObject({
  path: z.string().min(1).describe('Its path.'),
  type: z
    .enum(['exec', 'dyn'])
    .default('exec')
    .describe('An executable of fixed addresses, or one that can lie anywhere.'),
  size: bytes.describe('Size of the file.'),
  segments: z.array(segmentSchema).min(1).describe('Its PT_LOAD headers.'),
  note: pageSize.optional().describe('The page size in its note; left out: it has none.'),
  interpreter: z.string().min(1).optional().describe('Path of its dynamic linker; left out: none.'),
  setId: z.boolean().default(false).describe('It is a set-user-ID program.'),
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
    images: z.array(imageSchema).min(1).describe('Programs that may be executed.'),
    personality: z
      .enum(['next-exec', 'at-once', 'absent'])
      .default(defaultSelection.personality)
      .describe('What bits of personality(2) select: at the next execve; at once, which is the hazard; or nothing.'),
    prctl: z
      .boolean()
      .default(defaultSelection.prctl)
      .describe('A prctl sets a preference of the calling thread, and one for the next execve alone.'),
    elf: z
      .enum(['note', 'p-align', 'absent'])
      .default(defaultSelection.elf)
      .describe('What a file may say by itself: by a note, by being linked for a larger page, or nothing.'),
    clone: z
      .enum(['next-exec', 'absent'])
      .default('next-exec')
      .describe("A page size given to clone3(2): for the child's next execve, or no such argument."),
    setId: z.enum(['clear', 'keep']).default(defaultSelection.setId).describe('It is a set-user-ID program.'),
    misfit: z
      .enum(['kill', 'refuse', 'copy', 'kernel-page'])
      .default(defaultSelection.misfit)
      .describe(
        'A program that cannot be loaded at the size selected: killed, refused, loaded with copies, or run in kernel pages.',
      ),
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
