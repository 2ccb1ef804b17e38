import { invariant } from '../errors.ts';
import type { Area, FileMapping } from './areas.ts';
import { alignDown, alignUp } from './layout.ts';

/** A part of an area: from its old address on, at an offset from the area's new base. */
interface Part {
  oldStart: number;
  newOffset: number;
}

/**
 * An area laid out for pages of `pageBytes`: every part begins a page of its own. New addresses follow from the base that
 * the area is given.
 *
 * An area that maps a data file as one stretch keeps the file's offsets: it then begins as far into its first page as the
 * file offset does in its page. Where parts of a file move apart, the file must be linked again for the larger page: it gets
 * a new name and a layout that is the area's own.
 *
 * @example
 * ```ts
 * const areas = new AreaSet();
 * const number = areas.create('mapped', { start: 0x1000, end: 0x4000 }, 0);
 * areas.cut(number, 0x2000, 1);
 * const placed = new PlacedArea(areas.get(number), 65536);
 * placed.base = 0x100000;
 * placed.newAddress(0x2000); // 0x110000
 * ```
 */
export class PlacedArea {
  /** New address of the area: a multiple of the page size. */
  base = 0;
  readonly area: Area;
  /** Whether its files have to be linked again. */
  readonly relinked: boolean;
  readonly lengthBytes: number;
  private readonly pageBytes: number;
  private readonly parts: Part[];

  /** @param touched old addresses of the 4K pages that the program used */
  constructor(area: Area, pageBytes: number, touched: readonly number[] = []) {
    this.area = area;
    this.pageBytes = pageBytes;
    const linked = linkedParts(area, pageBytes, touched);
    if (linked !== null) {
      this.relinked = false;
      this.parts = linked;
      this.lengthBytes = this.offsetOfEnd(area.end);
      return;
    }
    const first = area.files.find((file) => file.start === area.start);
    const lead = first === undefined ? 0 : first.offsetBytes % pageBytes;
    const parts = partsOf(area, pageBytes, lead);
    this.relinked = !area.files.every((file) => keepsOffsets(file, parts, pageBytes));
    this.parts = this.relinked ? partsOf(area, pageBytes, 0) : parts;
    this.lengthBytes = area.end > area.start ? this.offsetOfEnd(area.end) : 0;
  }

  /** Distance of an old address from the new base. */
  offsetOf(addr: number): number {
    return offsetIn(this.parts, addr);
  }

  /** Distance from the new base of the page border behind the byte before `end`. */
  offsetOfEnd(end: number): number {
    return alignUp(this.offsetOf(end - 1) + 1, this.pageBytes);
  }

  newAddress(addr: number): number {
    return this.base + this.offsetOf(addr);
  }

  newEnd(end: number): number {
    return this.base + this.offsetOfEnd(end);
  }

  /** Whether a part of the area begins or ends at an old address. */
  isBorder(addr: number): boolean {
    return addr === this.area.end || this.parts.some((part) => part.oldStart === addr);
  }

  /** What tells one layout of a file from another. */
  signature(): string {
    return JSON.stringify([
      this.parts.map((part) => [part.oldStart - this.area.start, part.newOffset]),
      this.lengthBytes,
    ]);
  }
}

function partsOf(area: Area, pageBytes: number, lead: number): Part[] {
  const lengthBytes = area.end - area.start;
  if (area.kind === 'heap') return [{ oldStart: area.start, newOffset: 0 }];
  // A stack hangs from its top.
  if (area.kind === 'stack')
    return [{ oldStart: area.start, newOffset: alignUp(lengthBytes, pageBytes) - lengthBytes }];
  const borders = [...area.cuts.keys()].filter((addr) => addr > area.start && addr < area.end).sort((a, b) => a - b);
  const parts: Part[] = [];
  let newOffset = lead;
  let start = area.start;
  for (const border of [...borders, area.end]) {
    invariant(border > start, 'a part is not empty');
    parts.push({ oldStart: start, newOffset });
    newOffset = alignUp(newOffset + border - start, pageBytes);
    start = border;
  }
  return parts;
}

/**
 * One part, where the files of the area were linked for pages as large already: all have their offsets in step with their addresses, and no
 * larger page holds what was used of two parts. Null where they were not.
 */
function linkedParts(area: Area, pageBytes: number, touched: readonly number[]): Part[] | null {
  const [first] = area.files;
  if (area.kind !== 'mapped' || first === undefined || touched.length === 0) return null;
  const newOffset = (((first.offsetBytes - (first.start - area.start)) % pageBytes) + pageBytes) % pageBytes;
  const parts = [{ oldStart: area.start, newOffset }];
  if (!area.files.every((file) => keepsOffsets(file, parts, pageBytes))) return null;
  const pageOf = (addr: number): number => Math.floor(offsetIn(parts, addr) / pageBytes);
  const shared = [...area.cuts.keys()].some((cut) => {
    if (cut <= area.start || cut >= area.end || offsetIn(parts, cut) % pageBytes === 0) return false;
    // What execve laid out is told segment by segment: none may lie on another.
    if (area.born === 0) return true;
    const beside = touched.filter((addr) => pageOf(addr) === pageOf(cut));
    return beside.some((addr) => addr < cut) && beside.some((addr) => addr >= cut);
  });
  return shared ? null : parts;
}

/** Whether a mapping of a file stays one stretch whose file offset fits its new address. */
function keepsOffsets(file: FileMapping, parts: Part[], pageBytes: number): boolean {
  const offset = offsetIn(parts, file.start);
  const linear = offsetIn(parts, file.end - 1) - offset === file.end - 1 - file.start;
  return linear && (file.offsetBytes - offset) % pageBytes === 0;
}

function offsetIn(parts: Part[], addr: number): number {
  let low = 0;
  let high = parts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle].oldStart <= addr) low = middle;
    else high = middle - 1;
  }
  return parts[low].newOffset + addr - parts[low].oldStart;
}

/**
 * A range of new addresses for a call: whole pages inside the range, or all that it touches.
 *
 * @example
 * ```ts
 * const areas = new AreaSet();
 * const placed = new PlacedArea(areas.get(areas.create('mapped', { start: 0, end: 0x30000 }, 0)), 65536);
 * newRange(placed, 0x1000, 0x2f000, 65536, 'inward'); // { start: 0x10000, end: 0x20000 }
 * ```
 */
export function newRange(
  placed: PlacedArea,
  start: number,
  end: number,
  pageBytes: number,
  rounding: 'inward' | 'outward',
): { start: number; end: number } {
  const { area } = placed;
  const [from, to] = [Math.max(start, area.start), Math.min(end, area.end)];
  if (to <= from) return { start: placed.base, end: placed.base };
  const newStart = placed.newAddress(from);
  const newEnd = placed.newAddress(to - 1) + 1;
  if (rounding === 'outward') return { start: alignDown(newStart, pageBytes), end: alignUp(newEnd, pageBytes) };
  // Up to the border of a part, what is left of its last page belongs to nobody else.
  const whole = placed.isBorder(to) ? alignUp(newEnd, pageBytes) : alignDown(newEnd, pageBytes);
  const first = placed.isBorder(from) ? alignDown(newStart, pageBytes) : alignUp(newStart, pageBytes);
  return { start: first, end: Math.max(first, whole) };
}
