/**
 * Real input: importers of trace text, the page-run format (.gtr), relayout for larger pages, the recorder.
 * `memoryTrace.ts` and what it imports run in a browser; the rest needs Node.
 */
export { reduceTrace, relayoutTrace, writeTrace } from './copyTrace.ts';
export type { WrittenTrace } from './copyTrace.ts';
export { checkCover } from './cover.ts';
export type { CoverFinding } from './cover.ts';
export { firstTouches } from './firstTouches.ts';
export { openTrace, verifyTrace } from './gtrReader.ts';
export type { OpenTrace } from './gtrBytes.ts';
export { importStream, importTrace, traceName } from './import.ts';
export type { ImportOptions, ImportProgress, ImportResult } from './import.ts';
export type { TraceFormat } from './importer.ts';
export { traceFromBlocks, traceFromSteps } from './memoryTrace.ts';
export type { MemoryTraceOptions, TraceStep } from './memoryTrace.ts';
export { openAnyTrace } from './rawTrace.ts';
export { relayout } from './relayout.ts';
export { BLOCK_RUNS } from './runBuilder.ts';
export { record } from './record.ts';
export type { RecordOptions, RecordResult } from './record.ts';
