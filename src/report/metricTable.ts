/** What is measured of the whole system. A file of its own: a page that shows values needs no states to know their names. */

/** What is measured. */
export interface MetricInfo {
  readonly id: string;
  readonly says: string;
  readonly unit: string;
}

/** Each metric, in the order of the values of a sample. */
export const METRICS: readonly MetricInfo[] = [
  { id: 'faults', says: 'page faults', unit: 'faults' },
  { id: 'walks', says: 'table walks: misses of all TLB levels', unit: 'walks' },
  { id: 'tlbi', says: 'TLBI instructions', unit: 'instructions' },
  { id: 'dropped', says: 'pages dropped from the page cache for a larger order', unit: 'pages' },
  { id: 'reread', says: 'pages read again after a drop', unit: 'pages' },
  { id: 'resident', says: 'resident pages of all processes', unit: 'kernel pages' },
  { id: 'linuxTables', says: 'Linux page tables', unit: 'bytes' },
  { id: 'nativeTables', says: 'native page tables', unit: 'bytes' },
  { id: 'free', says: 'free frames', unit: 'kernel pages' },
  { id: 'unusable4', says: 'free memory that order 4 cannot use', unit: 'thousandths' },
  { id: 'unusable9', says: 'free memory that order 9 cannot use', unit: 'thousandths' },
];
