/** What of Granule needs Node: files, recording, importing. */

// Topologies, with the modules and traces that they name
export { openTopology } from './library/openTopology.node.ts';
export { type LoadedSystem, loadSystem } from './topology/loadSystem.node.ts';
export { fixturesFolder, loadTopology, loadTraces, loadTracesOfLog, topologyNames } from './topology/load.node.ts';

// Logs in files, and replay on several threads
export { createLogFile, openLogFile } from './log/fileStorage.node.ts';
export { zlibCompression } from './log/zlib.node.ts';
export { parallelReplay, type ParallelReplayed, type ParallelReplayOptions } from './timeline/parallelReplay.node.ts';

// Traces
export { openTrace, verifyTrace } from './trace/gtrReader.ts';
export { type ImportOptions, type ImportResult, importTrace } from './trace/import.ts';
export { openAnyTrace } from './trace/rawTrace.ts';
export { relayout } from './trace/relayout.ts';
