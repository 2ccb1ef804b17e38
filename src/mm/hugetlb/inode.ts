/**
 * What an inode of hugetlbfs holds: the pages of the file, private copies, and what was promised to whom.
 * Sources: mm/hugetlb.c (`region_chg`, `region_add`, hugetlb_reserve_pages, hugetlb_fault, hugetlb_wp, hugetlb_vm_op_close),
 * fs/hugetlbfs/inode.c:remove_inode_hugepages.
 *
 * @models S-28
 */

/** A page of a private mapping, which after a fork several address spaces map. */
export interface OwnPage {
  index: number;
  pfn: number;
  owners: readonly string[];
}

/** An inode. Plain data; treat it as immutable. Indexes count huge pages. */
export interface HugeInode {
  file: string;
  hugeBytes: number;
  sizeBytes: number;
  /** Address spaces that map it, and handles that keep it. */
  mappers: readonly string[];
  handles: number;
  /** The pages of the file: first frame by index. */
  pages: Readonly<Record<number, number>>;
  /** Indexes that were promised to shared mappings (`resv_map` of the inode): those with a page among them. */
  region: readonly number[];
  own: readonly OwnPage[];
  /** Indexes promised to private mappings, by address space: those that have no page yet. */
  promises: Readonly<Record<string, readonly number[]>>;
}

/**
 * A new inode.
 *
 * @example
 * ```ts
 * newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22).pages; // {}
 * ```
 */
export function newInode(file: string, hugeBytes: number, sizeBytes: number): HugeInode {
  return { file, hugeBytes, sizeBytes, mappers: [], handles: 0, pages: {}, region: [], own: [], promises: {} };
}

function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
}

/**
 * The indexes that a mapping has to be promised: of a shared one those that nobody was promised before, of a private one all.
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 23), region: [1] };
 * unpromised(inode, 0, 3, true); // [0, 2]
 * unpromised(inode, 0, 3, false); // [0, 1, 2]
 * ```
 */
export function unpromised(inode: HugeInode, first: number, end: number, shared: boolean): number[] {
  const wanted = range(first, end);
  return shared ? wanted.filter((index) => !inode.region.includes(index)) : wanted;
}

/**
 * The inode with indexes promised to a mapping.
 *
 * @example
 * ```ts
 * const inode = newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 23);
 * withPromises(inode, [0, 1], null).region; // [0, 1]
 * withPromises(inode, [0, 1], 'mm:1').promises; // { 'mm:1': [0, 1] }
 * ```
 */
export function withPromises(inode: HugeInode, indexes: readonly number[], mm: string | null): HugeInode {
  const merged = (before: readonly number[]): number[] => [...new Set([...before, ...indexes])].sort((a, b) => a - b);
  if (mm === null) return { ...inode, region: merged(inode.region) };
  return { ...inode, promises: { ...inode.promises, [mm]: merged(inode.promises[mm] ?? []) } };
}

/** What a fault comes to: a page that is there, one to be taken, or that there is none to have. */
export type Found =
  | { kind: 'page'; pfn: number; own: boolean }
  | { kind: 'reuse' }
  | { kind: 'take'; own: boolean; promised: boolean; copy: boolean }
  | { kind: 'beyond' };

/** A fault at one huge page. */
export interface HugeFault {
  mm: string;
  index: number;
  write: boolean;
  shared: boolean;
  /** A write to a private page that is mapped read-only, after a fork. */
  wrote: boolean;
}

/**
 * What a fault finds (`hugetlb_no_page`, `hugetlb_wp`).
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22), pages: { 0: 512 } };
 * const fault = { mm: 'mm:1', index: 0, write: true, shared: true, wrote: false };
 * look(inode, fault); // { kind: 'page', pfn: 512, own: false }
 * look(inode, { ...fault, shared: false }); // { kind: 'take', own: true, promised: false, copy: true }
 * look(inode, { ...fault, index: 2 }); // { kind: 'beyond' }
 * ```
 */
export function look(inode: HugeInode, { mm, index, write, shared, wrote }: HugeFault): Found {
  if (index * inode.hugeBytes >= inode.sizeBytes) return { kind: 'beyond' };
  const page = inode.pages[index];
  if (shared) {
    if (page !== undefined) return { kind: 'page', pfn: page, own: false };
    return { kind: 'take', own: false, promised: inode.region.includes(index), copy: false };
  }
  const promised = inode.promises[mm]?.includes(index) ?? false;
  const own = inode.own.find((each) => each.index === index && each.owners.includes(mm));
  if (own !== undefined) {
    if (!wrote) return { kind: 'page', pfn: own.pfn, own: true };
    return own.owners.length === 1 ? { kind: 'reuse' } : { kind: 'take', own: true, promised, copy: true };
  }
  if (page !== undefined && !write) return { kind: 'page', pfn: page, own: false };
  return { kind: 'take', own: true, promised, copy: page !== undefined };
}

/**
 * The inode with a page that was taken for a fault: in the file, or as a copy of the address space's own.
 *
 * @example
 * ```ts
 * const inode = newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22);
 * const fault = { mm: 'mm:1', index: 0, write: true, shared: true, wrote: false };
 * entered(inode, fault, 512).pages; // { 0: 512 }
 * entered(inode, { ...fault, shared: false }, 512).own; // [{ index: 0, pfn: 512, owners: ['mm:1'] }]
 * ```
 */
export function entered(inode: HugeInode, { mm, index, shared }: HugeFault, pfn: number): HugeInode {
  if (shared) return { ...inode, pages: { ...inode.pages, [index]: pfn } };
  const others = inode.own.map((each) =>
    each.index === index ? { ...each, owners: each.owners.filter((owner) => owner !== mm) } : each,
  );
  const held = inode.promises[mm];
  const promises = held === undefined ? inode.promises : { ...inode.promises, [mm]: held.filter((at) => at !== index) };
  return { ...inode, own: [...others, { index, pfn, owners: [mm] }], promises };
}

/** Pages that come free, each with whether the promise is restored. */
export interface Left {
  inode: HugeInode;
  given: { pfn: number; restore: boolean }[];
}

/**
 * An address space maps some of its own pages no more: those that nobody else has come free. To whom they were promised they are promised
 * again while the area lasts, unless the pool has a surplus (`__unmap_hugepage_range`).
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22), own: [{ index: 0, pfn: 512, owners: ['mm:1'] }] };
 * leaveOwn(inode, 'mm:1', [0], true).given; // [{ pfn: 512, restore: false }]
 * leaveOwn({ ...inode, promises: { 'mm:1': [] } }, 'mm:1', [0], true).given; // [{ pfn: 512, restore: true }]
 * ```
 */
export function leaveOwn(inode: HugeInode, mm: string, indexes: readonly number[], mayRestore: boolean): Left {
  const given: Left['given'] = [];
  const restored: number[] = [];
  const holds = inode.promises[mm] !== undefined;
  const own = inode.own.flatMap((page): OwnPage[] => {
    if (!indexes.includes(page.index) || !page.owners.includes(mm)) return [page];
    const owners = page.owners.filter((owner) => owner !== mm);
    if (owners.length > 0) return [{ ...page, owners }];
    const restore = mayRestore && holds;
    if (restore) restored.push(page.index);
    given.push({ pfn: page.pfn, restore });
    return [];
  });
  const left = { ...inode, own };
  return { inode: restored.length > 0 ? withPromises(left, restored, mm) : left, given };
}

/**
 * The area of an address space is gone in some places: what was promised for them is not any more (`hugetlb_vm_op_close`).
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22), promises: { 'mm:1': [0, 1] } };
 * releasePromises(inode, 'mm:1', 1, 2).count; // 1
 * ```
 */
export function releasePromises(
  inode: HugeInode,
  mm: string,
  first: number,
  end: number,
): { inode: HugeInode; count: number } {
  const held = inode.promises[mm] ?? [];
  const kept = held.filter((index) => index < first || index >= end);
  if (kept.length === held.length) return { inode, count: 0 };
  return { inode: { ...inode, promises: { ...inode.promises, [mm]: kept } }, count: held.length - kept.length };
}

/**
 * The file is cut off, or a hole is punched: its pages there come free, and what was promised and has no page is not any more.
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22), pages: { 0: 512, 1: 1024 }, region: [0, 1] };
 * const cut = dropPages(inode, 1, 2);
 * [cut.given, cut.unpromised, cut.inode.pages]; // [[1024], 0, { 0: 512 }]
 * ```
 */
export function dropPages(
  inode: HugeInode,
  first: number,
  end: number,
): { inode: HugeInode; given: number[]; unpromised: number } {
  const isIn = (index: number): boolean => index >= first && index < end;
  const entries = Object.entries(inode.pages).map(([index, pfn]): [number, number] => [Number(index), pfn]);
  const given = entries.filter(([index]) => isIn(index)).map(([, pfn]) => pfn);
  const pages = Object.fromEntries(entries.filter(([index]) => !isIn(index)));
  const gone = inode.region.filter(isIn);
  const unused = gone.filter((index) => inode.pages[index] === undefined).length;
  const region = inode.region.filter((index) => !isIn(index));
  return { inode: { ...inode, pages, region }, given, unpromised: unused };
}

/**
 * Pages that an inode has out of its pool, and those that it was promised and has not.
 *
 * @example
 * ```ts
 * const inode = { ...newInode('hugetlb:2048kB:1.0', 2 ** 21, 2 ** 22), pages: { 0: 512 }, region: [0, 1] };
 * holdings(inode); // { pages: 1, promised: 1 }
 * ```
 */
export function holdings({ pages, region, own, promises }: HugeInode): { pages: number; promised: number } {
  const shared = region.filter((index) => pages[index] === undefined).length;
  const unused = Object.values(promises).reduce((sum, indexes) => sum + indexes.length, 0);
  return { pages: Object.keys(pages).length + own.length, promised: shared + unused };
}
