/**
 * What /proc/buddyinfo, /proc/pagetypeinfo and /sys/kernel/debug/extfrag say of a zone, as numbers and as text.
 *
 * @models S-14
 */
import { MIGRATE_TYPES, migrateTypeNames, type MigrateType } from './migrateTypes.ts';
import { byType, fragmentationOf } from './pageblocksReader.ts';

/** What is asked of a zone. */
interface ShownZone {
  readonly base: number;
  readonly count: number;
  readonly pageblockOrder: number;
  readonly buddyinfo: number[];
  typeOf(pfn: number): MigrateType;
  freeBlocksOf(type: MigrateType): number[];
}

/**
 * The numbers of /proc/pagetypeinfo: free blocks by type and order, and page blocks by type
 * [mm/vmstat.c:pagetypeinfo_showfree_print, pagetypeinfo_showblockcount_print].
 *
 * @example
 * ```ts
 * const edit = Pageblocks.create(0, 64, 4, 3).edit();
 * edit.alloc(0, { type: 'unmovable' });
 * const { free, blocks } = pagetypeinfoOf(edit);
 * free.unmovable; // [1, 1, 1, 1, 0]
 * [blocks.unmovable, blocks.movable]; // [2, 6]
 * ```
 */
export function pagetypeinfoOf(zone: ShownZone): {
  free: Record<MigrateType, number[]>;
  blocks: Record<MigrateType, number>;
} {
  const blocks = byType(() => 0);
  const blockPages = 2 ** zone.pageblockOrder;
  for (let pfn = zone.base; pfn < zone.base + zone.count; pfn = pfn - (pfn % blockPages) + blockPages) {
    blocks[zone.typeOf(pfn)] += 1;
  }
  return { free: byType((type) => zone.freeBlocksOf(type)), blocks };
}

function counts(values: readonly number[], width: number): string {
  return values.map((value) => `${String(value).padStart(width)} `).join('');
}

/**
 * The line of a zone in /proc/buddyinfo [mm/vmstat.c:frag_show_print].
 *
 * @example
 * ```ts
 * buddyinfoText([3, 0, 12], 'DMA'); // 'Node 0, zone      DMA      3      0     12 \n'
 * ```
 */
export function buddyinfoText(freeBlocks: readonly number[], zoneName: string): string {
  return `Node 0, zone ${zoneName.padStart(8)} ${counts(freeBlocks, 6)}\n`;
}

/**
 * /proc/pagetypeinfo of one zone [mm/vmstat.c:pagetypeinfo_show].
 *
 * @example
 * ```ts
 * pagetypeinfoText(Pageblocks.create(0, 64, 4, 3), 'DMA').split('\n')[1]; // 'Pages per block:  8'
 * ```
 */
export function pagetypeinfoText(zone: ShownZone, zoneName: string): string {
  const { free, blocks } = pagetypeinfoOf(zone);
  const orders = zone.buddyinfo.map((_, order) => order);
  const name = zoneName.padStart(8);
  const lines = [
    `Page block order: ${zone.pageblockOrder}`,
    `Pages per block:  ${2 ** zone.pageblockOrder}`,
    '',
    `${'Free pages count per migrate type at order'.padEnd(43)} ${counts(orders, 6)}`,
    ...MIGRATE_TYPES.map(
      (type) =>
        `Node ${'0'.padStart(4)}, zone ${name}, type ${migrateTypeNames[type].padStart(12)} ${counts(free[type], 6)}`,
    ),
    '',
    `${'Number of blocks type '.padEnd(23)}${MIGRATE_TYPES.map((type) => `${migrateTypeNames[type].padStart(12)} `).join('')}`,
    `Node 0, zone ${name} ${counts(
      MIGRATE_TYPES.map((type) => blocks[type]),
      12,
    )}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Thousandths as the files of extfrag write them: 0.438, -1.000. */
function thousandths(value: number): string {
  const sign = value < 0 ? '-' : '';
  const whole = Math.floor(Math.abs(value) / 1000);
  return `${sign}${whole}.${String(Math.abs(value) % 1000).padStart(3, '0')} `;
}

/**
 * The line of a zone in /sys/kernel/debug/extfrag/extfrag_index or unusable_index, a number an order
 * [mm/vmstat.c:extfrag_show_print, unusable_show_print].
 *
 * @example
 * ```ts
 * extfragText([16, 0], 'DMA', 'index'); // 'Node 0, zone      DMA -1.000 0.438 \n'
 * extfragText([16, 0], 'DMA', 'unusable'); // 'Node 0, zone      DMA 0.000 1.000 \n'
 * ```
 */
export function extfragText(freeBlocks: readonly number[], zoneName: string, which: 'index' | 'unusable'): string {
  const values = freeBlocks.map((_, order) => fragmentationOf(freeBlocks, order)[which]);
  return `Node 0, zone ${zoneName.padStart(8)} ${values.map(thousandths).join('')}\n`;
}
