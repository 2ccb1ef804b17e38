/**
 * A trace that is made again whenever it is wanted, by steps that are the same each time: what is long is not kept.
 *
 * Up to {@link KEPT_BLOCKS} blocks are kept as they were made, 117 MiB; of a longer trace a few recent ones, and others are made again by
 * going on from the nearest place before them. So memory is bounded whatever the length, but for the list of pages.
 */
import { GranuleError, invariant } from '../../errors.ts';
import type { ImageSegment, RunBlock, RunSource, TraceFile } from '../../mm/runs.ts';
import { contentHash, takeStep, type TraceStep } from '../memoryTrace.ts';
import { BLOCK_RUNS } from '../runBuilder.ts';
import { TraceWorld } from '../traceWorld.ts';

/** Blocks up to which all are kept: 8 Mi runs of 14 bytes, as much as a stack index is made of. */
export const KEPT_BLOCKS = 128;
/** Blocks of a longer trace that are kept. */
const RECENT_BLOCKS = 16;
/** Places in a longer trace from which it may be gone on: processes that share it are at places of their own. */
const CURSORS = 4;

/** What a generated trace is made of. */
export interface GeneratedContent {
  name: string;
  command: string;
  image: ImageSegment[];
  files: TraceFile[];
  /** The steps from the first one on; the same ones at every call. */
  steps: () => Iterable<TraceStep>;
  /** Blocks up to which all are kept; {@link KEPT_BLOCKS} unless given. */
  keptBlocks?: number;
}

/** A pass over the steps, which gives one block after the other. */
class Cursor {
  /** Index of the block that comes next. */
  next = 0;
  usedAt = 0;
  readonly world: TraceWorld;
  readonly #steps: Iterator<TraceStep>;
  readonly #made: RunBlock[] = [];
  #isOver = false;

  constructor(steps: Iterable<TraceStep>) {
    this.#steps = steps[Symbol.iterator]();
    this.world = new TraceWorld((block) => this.#made.push(block));
  }

  /** The next block; null at the end. */
  take(): RunBlock | null {
    const { world } = this;
    while (this.#made.length === 0 && !this.#isOver) {
      const step = this.#steps.next();
      if (step.done !== true) takeStep(world, step.value);
      else {
        this.#isOver = true;
        world.builder.end();
      }
    }
    this.next += 1;
    return this.#made.shift() ?? null;
  }
}

/** The blocks of a trace: those that are kept, and places from which others are made again. */
class Blocks {
  readonly #content: GeneratedContent;
  readonly #count: number;
  /** In the order of last use, the one used last at the end. */
  readonly #kept = new Map<number, RunBlock>();
  readonly #cursors: Cursor[] = [];
  #uses = 0;

  constructor(content: GeneratedContent, count: number) {
    this.#content = content;
    this.#count = count;
  }

  at(index: number): RunBlock {
    invariant(index >= 0 && index < this.#count, `the trace has a block ${index}`);
    const kept = this.#kept.get(index);
    if (kept !== undefined) return this.#keep(index, kept);
    const cursor = this.#cursorFor(index);
    for (;;) {
      const at = cursor.next;
      const block = cursor.take();
      invariant(block !== null, 'the steps of a trace are the same each time');
      this.#keep(at, block);
      if (at === index) return block;
    }
  }

  #keep(index: number, block: RunBlock): RunBlock {
    this.#kept.delete(index);
    this.#kept.set(index, block);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > RECENT_BLOCKS && oldest !== undefined) this.#kept.delete(oldest);
    return block;
  }

  /** The cursor that comes to a block soonest, or a new one in the place of the one that was used longest ago. */
  #cursorFor(index: number): Cursor {
    const before = this.#cursors.filter(({ next }) => next <= index).sort((a, b) => b.next - a.next);
    let cursor = before[0];
    if (cursor === undefined) {
      cursor = new Cursor(this.#content.steps());
      if (this.#cursors.length === CURSORS) {
        this.#cursors.sort((a, b) => a.usedAt - b.usedAt);
        this.#cursors.shift();
      }
      this.#cursors.push(cursor);
    }
    cursor.usedAt = ++this.#uses;
    return cursor;
  }
}

/**
 * Makes a trace of steps that can be had again. It has the hash of a .gtr of the same content.
 *
 * @throws GranuleError TRACE_EMPTY when no step is an access
 * @example
 * ```ts
 * const steps = (): TraceStep[] => [{ access: 'X', addr: 0x1000 }, { access: 'W', addr: 0x5000 }];
 * const trace = generatedSource({ name: 'two', command: '', image: [], files: [], steps });
 * trace.hash === traceFromSteps(steps(), { name: 'two', image: [], files: [] }).hash; // true
 * ```
 */
export function generatedSource(content: GeneratedContent): RunSource {
  const { name, command, image, files, keptBlocks = KEPT_BLOCKS } = content;
  const cursor = new Cursor(content.steps());
  let kept: RunBlock[] | null = [];
  let count = 0;
  let runs = 0;
  function* firstPass(): Generator<RunBlock> {
    for (let block = cursor.take(); block !== null; block = cursor.take()) {
      count += 1;
      runs += block.count;
      if (count > keptBlocks) kept = null;
      kept?.push(block);
      yield block;
    }
  }
  const hash = contentHash(firstPass(), () => ({ command, pages: cursor.world.pages(), image, files }));
  const { references } = cursor.world.builder;
  if (references === 0) throw new GranuleError('TRACE_EMPTY', 'no step is an access');
  const blocks = kept === null ? new Blocks(content, count) : null;
  const all = kept;
  return {
    hash,
    name,
    command,
    runs,
    references,
    blockRuns: BLOCK_RUNS,
    pages: cursor.world.pages(),
    image,
    files,
    block: (index) => {
      if (blocks !== null) return blocks.at(index);
      const block = all?.[index];
      invariant(block !== undefined, `the trace has a block ${index}`);
      return block;
    },
  };
}
