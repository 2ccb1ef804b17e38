/** Two TLBs that work through one trace in step: one by its stack index, one run by run. They must never differ. */
import { expect } from 'vitest';
import type { RunSource } from '../../../src/mm/runs.ts';
import { Tlb, type TlbGeometry } from '../../../src/mm/tlb.ts';
import { MAY_FETCH, MAY_READ, MAY_WRITE, type TlbArray } from '../../../src/mm/tlbArray.ts';
import { noCounts, type Stretch, type StretchContext, type StretchStop } from '../../../src/mm/stretch.ts';
import { accessAt, runStretch } from '../../../src/mm/tlbRun.ts';

/** Works on in the filtered TLB, as `runStretch` does in the other. */
export type FilteredStep = (tlb: Tlb, stretch: Stretch, context: StretchContext) => StretchStop;

/** How a pair is driven. */
export interface PairSetting {
  source: RunSource;
  pageShift: number;
  geometry: TlbGeometry;
  seed: number;
  asid: number;
  quantumCycles: number;
  /** Stops between two disturbances, on average; 0 for none. */
  calm: number;
  filtered: FilteredStep;
}

/** Numbers below a bound, the same for one seed (Park and Miller, Random number generators, 1988). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed % 2147483646) + 1;
  }

  below(bound: number): number {
    this.#state = (this.#state * 48271) % 2147483647;
    return this.#state % bound;
  }
}

const RIGHTS = [MAY_READ, MAY_READ | MAY_WRITE, MAY_READ | MAY_FETCH];

/** The two TLBs, and where they are in the trace. */
export class PairedTlb {
  readonly #setting: PairSetting;
  readonly #context: StretchContext;
  readonly #dice: Dice;
  readonly #pages: number[];
  #tlbs: readonly [Tlb, Tlb];
  #stretches: readonly [Stretch, Stretch];
  stops = 0;

  constructor(setting: PairSetting) {
    this.#setting = setting;
    const { asid, pageShift, geometry, source } = setting;
    this.#context = { asid, pageShift, l2HitCycles: 6, instructionCycles: 1 };
    this.#dice = new Dice(setting.seed);
    this.#pages = Array.from(source.pages, (page) => Math.floor(page / 2 ** (pageShift - 12)));
    this.#tlbs = [Tlb.empty(geometry), Tlb.empty(geometry)];
    this.#stretches = this.#begin(0, false);
  }

  #begin(at: number, counted: boolean): [Stretch, Stretch] {
    const { source, quantumCycles } = this.#setting;
    const cyclesMax = 1 + this.#dice.below(quantumCycles);
    const place = { at, end: source.runs, counted, lastFetchPage: -1, lastDataPage: -1, cycles: 0, cyclesMax };
    return [
      { ...place, counts: noCounts() },
      { ...place, counts: noCounts() },
    ];
  }

  /** Works on to the next stop, holds the two against each other, and does what the stop asks for; false at the end. */
  step(): boolean {
    const [filtered, plain] = this.#stretches;
    // Each message edits a version of its own.
    this.#tlbs = [this.#tlbs[0].edit(), this.#tlbs[1].edit()];
    const stop = this.#setting.filtered(this.#tlbs[0], filtered, this.#context);
    const expected = runStretch(this.#tlbs[1], this.#setting.source, plain, { ...this.#context, exhaustive: true });
    this.stops++;
    if (stop !== expected || !isSameStretch(filtered, plain)) {
      expect({ stop, stretch: filtered }).toEqual({ stop: expected, stretch: plain });
    }
    this.#compare();
    return this.#goOn(stop);
  }

  #goOn(stop: StretchStop): boolean {
    const { at } = this.#stretches[1];
    if (stop === 'end') return false;
    if (this.#setting.calm > 0 && this.#dice.below(this.#setting.calm) === 0) this.#disturb();
    if (stop === 'walk') {
      this.#walk(at);
      // The fault slept: the run waits counted, in a stretch that begins anew.
      if (this.#dice.below(40) === 0) this.#restart(at, true);
    } else this.#restart(stop === 'call' ? at + 1 : at, false);
    return this.#stretches[1].at < this.#setting.source.runs;
  }

  #restart(at: number, counted: boolean): void {
    this.#stretches = this.#begin(at, counted);
  }

  #both(change: (tlb: Tlb) => void): void {
    for (const tlb of this.#tlbs) change(tlb);
  }

  #walk(at: number): void {
    const { source, pageShift, asid } = this.#setting;
    const { va, access } = accessAt(source, at);
    const page = Math.floor(va / 2 ** pageShift);
    const readOnly = access === 'fetch' ? MAY_READ | MAY_FETCH : MAY_READ;
    const rights = access === 'write' || this.#dice.below(3) === 0 ? readOnly | MAY_WRITE : readOnly;
    this.#both((tlb) => tlb.fill(access === 'fetch', asid, page, page + 1, rights));
  }

  #disturb(): void {
    const dice = this.#dice;
    const { asid } = this.#setting;
    const page = this.#pages[dice.below(this.#pages.length)] ?? 0;
    const fetch = dice.below(2) === 0;
    switch (dice.below(12)) {
      case 0:
        this.#both((tlb) => tlb.invalidateAsid(asid));
        return;
      case 1:
        this.#both((tlb) => tlb.invalidateAll());
        return;
      case 2:
        this.#both((tlb) => tlb.invalidatePages(asid, page, page + 8));
        return;
      case 3:
      case 4:
      case 5:
        this.#both((tlb) => tlb.invalidatePages(asid, page, page + 1));
        return;
      case 6:
      case 7:
        // Rights are given and taken away, and pages come in that the trace has not asked for.
        this.#both((tlb) => tlb.fill(fetch, asid, page, page + 1, RIGHTS[page % 3] ?? MAY_READ));
        return;
      default:
        for (let left = dice.below(40); left >= 0; left--) {
          const other = this.#pages[dice.below(this.#pages.length)] ?? 0;
          this.#both((tlb) => tlb.fill(left % 2 === 0, asid + 1 + (left % 2), other, other, MAY_READ | MAY_FETCH));
        }
    }
  }

  #compare(): void {
    const [filtered, plain] = this.#tlbs;
    const isSame =
      isSamePlain(filtered.l1i, plain.l1i) &&
      isSamePlain(filtered.l1d, plain.l1d) &&
      isSameArray(filtered.l2, plain.l2);
    if (!isSame) expect(filtered.toPlain()).toEqual(plain.toPlain());
  }
}

function isSamePlain(left: TlbArray, right: TlbArray): boolean {
  return JSON.stringify(left.toPlain()) === JSON.stringify(right.toPlain());
}

/** Entry by entry, which is quick, and holds where both do the same to it. */
function isSameArray(left: TlbArray, right: TlbArray): boolean {
  for (let entry = 0; entry < left.entries; entry++) {
    if (left.stamps[entry] !== right.stamps[entry]) return false;
    if (left.stamps[entry] === 0) continue;
    if (left.keys[entry] !== right.keys[entry] || left.rights(entry) !== right.rights(entry)) return false;
    if (left.frame(entry) !== right.frame(entry)) return false;
  }
  return true;
}

function isSameStretch(left: Stretch, right: Stretch): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
