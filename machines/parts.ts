/**
 * What kinds of one's own may be built from: the pure functions and structures behind the built-in ones. They follow the machines: a
 * minor version may change them, where messages and definitions keep their form.
 */

// Page table entries, as messages carry them
export { flagsOf, isDirty, isPresent, isValid, isWritable, packPte, pfnOf, PTE } from '../src/mm/pte.ts';

// A page cache: one inode, its state and what it does with a message
export { takeMessage } from './file.ts';
export { initialFile } from './fileState.ts';

// TLBs: work through a stretch of a trace, count as the built-in one does, and the maintenance that a CPU obeys
export { accessAt } from '../src/mm/tlbRun.ts';
export { copyPagesBy, runStretchBy, type Translate } from '../src/mm/tlbRunBy.ts';
export { noCounts } from '../src/mm/stretch.ts';
export { MAY_FETCH, MAY_READ, MAY_WRITE } from '../src/mm/tlbArray.ts';
export { obeyedOf, walkGeometry } from './tlbMaintenance.ts';

// Memory: watermarks as Linux computes them
export { calculateMinFreeKbytes, watermarks } from '../src/arch/watermarks.ts';
