import { invariant } from '../errors.ts';
import { RUN_CALL } from '../mm/runs.ts';
import type { RunBlock, TraceCall } from '../mm/runs.ts';
import { ByteReader, ByteWriter, damaged } from './bytes.ts';
import { BLOCK_RUNS } from './runBuilder.ts';

/**
 * Every run is guessed from what followed the last time the same 6, 3 or 1 runs came before it, since programs repeat
 * themselves (the FCM value predictors of Burtscher's VPC trace compressor, with positions as the prediction). A guess
 * that holds costs one symbol; deflate then makes long stretches of such symbols all but vanish.
 */
const TABLE_BITS = 16;
const TABLE_SLOTS = 1 << TABLE_BITS;
const TABLE_SHIFT = 32 - TABLE_BITS;

/** Symbols 0, 1, 2: the run is the one guessed by the last 6, 3, 1 runs. 3, 4, 5: so, but for its count of accesses. */
const SYMBOL_EXACT = 0;
const SYMBOL_OTHER_COUNT = 3;
/** Written out in full: a shape byte, a page, a count. */
const SYMBOL_LITERAL = 6;
const ORDERS = 3;
/** Where a block begins: the slots of contexts of nothing. */
const FIRST_SLOTS = [0, TABLE_SLOTS, 2 * TABLE_SLOTS];

const SHAPE_KIND_BITS = 2;
const SHAPE_CONTINUED = 1 << SHAPE_KIND_BITS;
const SHAPE_GAP_SHIFT = SHAPE_KIND_BITS + 1;
/** Accesses minus references is 0, 1 or 2 in the shape byte; 3 says that a number in the gap column tells it. */
const SHAPE_GAP_FAR = 3;
const PAGE_PLANES = 4;

/** One number for everything a run is. */
function runHash(kind: number, page: number, accesses: number, gap: number, continued: number): number {
  const mixed = Math.imul(page * 4 + kind, 0x9e3779b1) ^ Math.imul(accesses, 0x85ebca6b);
  return Math.imul(mixed ^ Math.imul(gap, 0x27d4eb2f) ^ continued, 0x2c1b3c6d);
}

/** The context of three runs, the latest first. */
function ofThree(first: number, second: number, third: number): number {
  return (first + Math.imul(second, 0x01000193) + Math.imul(third, 0x0d5a9f1b)) | 0;
}

/** The context of six runs: that of the latest three, and the three before. */
function ofSix(three: number, fourth: number, fifth: number, sixth: number): number {
  return (three + Math.imul(fourth, 0x2545f491) + Math.imul(fifth, 0x1b873593) + Math.imul(sixth, 0x19660d2b)) | 0;
}

/** The slot of a context in its guess table. */
function slotOf(context: number): number {
  return Math.imul(context, 0x9e3779b1) >>> TABLE_SHIFT;
}

/**
 * Turns a block of runs into the bytes that deflate then squeezes, and back. One coder serves many blocks, one after
 * the other; every block stands by itself. `docs/trace-format.md` has the layout, byte by byte.
 *
 * @example
 * ```ts
 * const block = traceFromSteps([{ access: 'R', addr: 0 }, { access: 'R', addr: 8 }]).block(0);
 * const coder = new BlockCoder();
 * coder.decode(coder.encode(block), 0, 'block 0').accesses; // [2]
 * ```
 */
export class BlockCoder {
  /**
   * Where in the block the run after a context stood the last time: contexts of 6, 3 and 1 runs, one after another. A context
   * never seen guesses the block's first run, which does no harm. 16 bits hold a place in a block, and fit the cache better.
   */
  private readonly guesses: Uint16Array = new Uint16Array(ORDERS * TABLE_SLOTS);
  /** Hash of every run of the block being decoded. */
  private readonly hashes: Int32Array = new Int32Array(BLOCK_RUNS);
  private readonly symbols: ByteWriter = new ByteWriter();
  private readonly shapes: ByteWriter = new ByteWriter();
  private readonly planes: ByteWriter[] = Array.from({ length: PAGE_PLANES }, () => new ByteWriter());
  private readonly counts: ByteWriter = new ByteWriter();
  private readonly gaps: ByteWriter = new ByteWriter();

  /** The bytes of a block: its own copy. */
  encode(block: RunBlock): Uint8Array {
    const columns = [this.symbols, this.shapes, ...this.planes, this.counts, this.gaps];
    for (const column of columns) column.clear();
    this.encodeRuns(block);
    const calls = new TextEncoder().encode(JSON.stringify(block.calls));
    const whole = new ByteWriter(columns.reduce((sum, column) => sum + column.length, calls.length + 64));
    whole.varint(block.count);
    whole.varint(calls.length);
    for (const column of columns) whole.varint(column.length);
    whole.bytes(calls);
    for (const column of columns) whole.bytes(column.view());
    return whole.view();
  }

  private encodeRuns(block: RunBlock): void {
    const { guesses } = this;
    guesses.fill(0);
    let [first, second, third, fourth, fifth, sixth] = [0, 0, 0, 0, 0, 0];
    let [atSix, atThree, atOne]: number[] = FIRST_SLOTS;
    for (let index = 0; index < block.count; index += 1) {
      this.encodeRun(block, index, guesses[atSix], guesses[atThree], guesses[atOne]);
      guesses[atSix] = index;
      guesses[atThree] = index;
      guesses[atOne] = index;
      const gap = block.accesses[index] - block.references[index];
      sixth = fifth;
      fifth = fourth;
      fourth = third;
      third = second;
      second = first;
      first = runHash(block.kind[index], block.page[index], block.accesses[index], gap, block.continued[index]);
      const three = ofThree(first, second, third);
      atSix = slotOf(ofSix(three, fourth, fifth, sixth));
      atThree = TABLE_SLOTS + slotOf(three);
      atOne = 2 * TABLE_SLOTS + slotOf(first);
    }
  }

  private encodeRun(block: RunBlock, index: number, six: number, three: number, one: number): void {
    const kind = block.kind[index];
    const accesses = block.accesses[index];
    const gap = accesses - block.references[index];
    invariant(gap >= 0, 'no more trace lines begin in a run than it has accesses');
    let symbol = SYMBOL_LITERAL;
    if (kind !== RUN_CALL) {
      symbol = likeness(block, index, six, 0);
      // An exact guess by few runs beats a guess by many that has the count wrong: the lowest symbol wins.
      if (symbol >= SYMBOL_OTHER_COUNT) symbol = Math.min(symbol, likeness(block, index, three, 1));
      if (symbol >= SYMBOL_OTHER_COUNT) symbol = Math.min(symbol, likeness(block, index, one, 2));
    }
    this.symbols.byte(symbol);
    if (symbol === SYMBOL_LITERAL) this.encodeLiteral(block, index, gap);
    if (symbol >= SYMBOL_OTHER_COUNT && kind !== RUN_CALL) this.counts.varint(accesses);
  }

  private encodeLiteral(block: RunBlock, index: number, gap: number): void {
    const near = Math.min(gap, SHAPE_GAP_FAR);
    const kind = block.kind[index];
    this.shapes.byte(kind | (block.continued[index] * SHAPE_CONTINUED) | (near << SHAPE_GAP_SHIFT));
    if (kind === RUN_CALL) return;
    const page = block.page[index];
    for (let plane = 0; plane < PAGE_PLANES; plane += 1) this.planes[plane].byte((page >>> (plane * 8)) & 0xff);
    if (near === SHAPE_GAP_FAR) this.gaps.varint(gap);
  }

  /**
   * The block that `encode` was given. `where` names it in errors.
   *
   * @throws GranuleError TRACE_DAMAGED
   */
  decode(bytes: Uint8Array, firstRun: number, where: string): RunBlock {
    const reader = new ByteReader(bytes, where);
    const count = reader.varint();
    const callBytes = reader.varint();
    const lengths = Array.from({ length: PAGE_PLANES + 4 }, () => reader.varint());
    const calls = parseCalls(reader.bytes(callBytes), where);
    const [symbols, shapes, ...rest] = lengths.map((length) => reader.bytes(length));
    reader.end();
    if (symbols.length !== count || count > BLOCK_RUNS) throw damaged(where, 'its columns do not agree');
    const block: RunBlock = {
      firstRun,
      count,
      kind: new Uint8Array(count),
      page: new Int32Array(count),
      accesses: new Uint32Array(count),
      references: new Uint32Array(count),
      continued: new Uint8Array(count),
      calls,
    };
    this.decodeRuns(block, symbols, new LiteralReader(shapes, rest, where), where);
    return block;
  }

  private decodeRuns(block: RunBlock, symbols: Uint8Array, literals: LiteralReader, where: string): void {
    const { guesses, hashes } = this;
    guesses.fill(0);
    const { kind, page, accesses, references, continued } = block;
    let [first, second, third, fourth, fifth, sixth] = [0, 0, 0, 0, 0, 0];
    let [atSix, atThree, atOne]: number[] = FIRST_SLOTS;
    for (let index = 0; index < block.count; index += 1) {
      const symbol = symbols[index];
      const order = symbol >= SYMBOL_OTHER_COUNT ? symbol - SYMBOL_OTHER_COUNT : symbol;
      const at = guesses[order === 0 ? atSix : order === 1 ? atThree : atOne];
      let hash = 0;
      if (symbol < SYMBOL_LITERAL) {
        if (at >= index) throw damaged(where, `run ${index} of it has nothing to follow`);
        kind[index] = kind[at];
        page[index] = page[at];
        continued[index] = continued[at];
        accesses[index] = accesses[at];
        references[index] = references[at];
        hash = hashes[at];
      }
      if (symbol >= SYMBOL_OTHER_COUNT) hash = literals.read(block, index, symbol >= SYMBOL_LITERAL);
      hashes[index] = hash;
      guesses[atSix] = index;
      guesses[atThree] = index;
      guesses[atOne] = index;
      sixth = fifth;
      fifth = fourth;
      fourth = third;
      third = second;
      second = first;
      first = hash;
      const three = ofThree(first, second, third);
      atSix = slotOf(ofSix(three, fourth, fifth, sixth));
      atThree = TABLE_SLOTS + slotOf(three);
      atOne = 2 * TABLE_SLOTS + slotOf(first);
    }
    literals.end(block.calls.length);
  }
}

/** The symbol by which a run may follow the one at `at`, guessed by the context of the given order. */
function likeness(block: RunBlock, index: number, at: number, order: number): number {
  if (at >= index || block.page[at] !== block.page[index] || block.kind[at] !== block.kind[index])
    return SYMBOL_LITERAL;
  if (block.continued[at] !== block.continued[index]) return SYMBOL_LITERAL;
  const gap = block.accesses[index] - block.references[index];
  if (block.accesses[at] - block.references[at] !== gap) return SYMBOL_LITERAL;
  return (block.accesses[at] === block.accesses[index] ? SYMBOL_EXACT : SYMBOL_OTHER_COUNT) + order;
}

/** The columns of what no guess told. */
class LiteralReader {
  private readonly shapes: ByteReader;
  private readonly planes: ByteReader[];
  private readonly counts: ByteReader;
  private readonly gaps: ByteReader;
  private readonly where: string;
  private calls = 0;

  constructor(shapes: Uint8Array, rest: Uint8Array[], where: string) {
    this.where = where;
    this.shapes = new ByteReader(shapes, where);
    this.planes = rest.slice(0, PAGE_PLANES).map((plane) => new ByteReader(plane, where));
    this.counts = new ByteReader(rest[PAGE_PLANES], where);
    this.gaps = new ByteReader(rest[PAGE_PLANES + 1], where);
  }

  /**
   * Fills in what no guess told of a run: all of it, or the count of accesses alone, its distance from the references being
   * that of the run it follows. Returns the run's hash.
   */
  read(block: RunBlock, index: number, whole: boolean): number {
    const gap = whole ? this.readShape(block, index) : block.accesses[index] - block.references[index];
    const kind = block.kind[index];
    if (kind !== RUN_CALL) {
      const accesses = this.counts.varint();
      block.accesses[index] = accesses;
      block.references[index] = accesses - gap;
    }
    return runHash(kind, block.page[index], block.accesses[index], gap, block.continued[index]);
  }

  /** Kind, page and continued flag of a run; returns its accesses less its references. */
  private readShape(block: RunBlock, index: number): number {
    const shape = this.shapes.byte();
    const kind = shape & (SHAPE_CONTINUED - 1);
    block.kind[index] = kind;
    if (kind === RUN_CALL) {
      block.page[index] = this.calls;
      this.calls += 1;
      return 0;
    }
    let page = 0;
    for (let plane = 0; plane < PAGE_PLANES; plane += 1) page |= this.planes[plane].byte() << (plane * 8);
    block.page[index] = page;
    block.continued[index] = (shape & SHAPE_CONTINUED) === 0 ? 0 : 1;
    const near = shape >> SHAPE_GAP_SHIFT;
    return near === SHAPE_GAP_FAR ? this.gaps.varint() : near;
  }

  end(calls: number): void {
    if (this.calls !== calls) throw damaged(this.where, 'it does not hold its system calls');
    for (const reader of [this.shapes, ...this.planes, this.counts, this.gaps]) reader.end();
  }
}

function parseCalls(bytes: Uint8Array, where: string): TraceCall[] {
  try {
    // Written by encode() above and covered by the block's checksum.
    const calls: TraceCall[] = JSON.parse(new TextDecoder().decode(bytes));
    return calls;
  } catch {
    throw damaged(where, 'its system calls cannot be read');
  }
}
