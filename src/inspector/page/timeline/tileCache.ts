/** What of the events the page holds: tiles near what was looked at last, and how many events lanes have elsewhere. */
import type { LaneDensity, Tile } from '../../engine/requests.ts';
import { link, tell } from '../store.ts';

/** Tiles kept: a million events. */
const TILES_KEPT = 256;
/** Questions that wait at once: what is looked at now must not stand behind what was passed over. */
const ASKED_MOST = 6;

/** The tiles and densities of one run. */
export class TileCache {
  readonly run: string;
  readonly #changed: () => void;
  /** Least recently used first. */
  readonly #tiles = new Map<number, Tile>();
  readonly #asked = new Set<number>();
  readonly #densities = new Map<number, LaneDensity>();
  readonly #kinds = new Map<string, readonly LaneDensity[] | null>();
  readonly #densitiesAsked = new Set<number>();

  /** @param changed called when something has come that may be drawn */
  constructor(run: string, changed: () => void) {
    this.run = run;
    this.#changed = changed;
  }

  /** Tiles that have come so far, over all times: tells whether there is more to draw. */
  arrived = 0;

  /** A tile, or null while it is on its way. */
  tile(segment: number): Tile | null {
    const tile = this.#tiles.get(segment);
    if (tile === undefined) {
      this.#ask(segment);
      return null;
    }
    this.#tiles.delete(segment);
    this.#tiles.set(segment, tile);
    return tile;
  }

  /** A lane's density, or null while it is on its way. Lanes are asked for all at once. */
  density(lane: number): LaneDensity | null {
    return this.#densities.get(lane) ?? null;
  }

  /** Asks for the densities of lanes that are not there yet. */
  wantDensities(lanes: readonly number[]): void {
    const wanted = lanes.filter((lane) => !this.#densitiesAsked.has(lane));
    if (wanted.length === 0 || link.value === null) return;
    for (const lane of wanted) this.#densitiesAsked.add(lane);
    link.value.ask('density', { run: this.run, lanes: wanted }).then((found) => {
      for (const [at, density] of found.entries()) this.#densities.set(wanted[at] ?? 0, density);
      this.#changed();
    }, tell);
  }

  /** Densities of kinds, or null while they are on their way. */
  kindDensities(kinds: readonly string[]): readonly LaneDensity[] | null {
    const key = kinds.join(' ');
    const known = this.#kinds.get(key);
    if (known !== undefined || link.value === null) return known ?? null;
    this.#kinds.set(key, null);
    link.value.ask('kindDensity', { run: this.run, kinds }).then((found) => {
      this.#kinds.set(key, found);
      this.#changed();
    }, tell);
    return null;
  }

  #ask(segment: number): void {
    if (this.#asked.has(segment) || this.#asked.size >= ASKED_MOST || link.value === null) return;
    this.#asked.add(segment);
    link.value.ask('tile', { run: this.run, segment }).then(
      (tile) => {
        this.#asked.delete(segment);
        this.#tiles.set(segment, tile);
        this.arrived += 1;
        for (const oldest of this.#tiles.keys()) {
          if (this.#tiles.size <= TILES_KEPT) break;
          this.#tiles.delete(oldest);
        }
        this.#changed();
      },
      (error: unknown) => {
        this.#asked.delete(segment);
        tell(error);
      },
    );
  }
}
