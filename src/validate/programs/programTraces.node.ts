/** The recordings of the programs that the answers are about. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { RunSource } from '../../mm/runs.ts';
import { fixturesFolder } from '../../topology/fixtures.node.ts';
import { openTrace } from '../../trace/gtrReader.ts';
import type { ProgramTraces } from './programRun.ts';

const listSchema = z.object({ programs: z.array(z.object({ program: z.string(), trace: z.string() })) });
const LAUNCHER = 'launcher-arm64';

/**
 * Opens recordings by the command that was recorded, each once.
 *
 * @example
 * ```ts
 * const shelf = new ProgramShelf();
 * shelf.tracesOf('/usr/bin/sqlite3 -version', 65536)?.program.name; // 'sqlite-version-arm64'
 * shelf.tracesOf('/usr/bin/no-such-program', 65536); // null
 * ```
 */
export class ProgramShelf {
  readonly #folder: string;
  readonly #names: ReadonlyMap<string, string>;
  readonly #open = new Map<string, RunSource>();

  /** @param folder where the recordings are, with `programs.json` */
  constructor(folder: string = join(dirname(fixturesFolder('traces')), 'traces', 'arm64')) {
    this.#folder = folder;
    const list = listSchema.parse(JSON.parse(readFileSync(join(folder, 'programs.json'), 'utf8')));
    this.#names = new Map(list.programs.map(({ program, trace }) => [program, trace]));
  }

  /** The recordings of a command and of its launcher at a page size; null where there is none of the command. */
  tracesOf(program: string, pageBytes: number): ProgramTraces | null {
    const name = this.#names.get(program);
    if (name === undefined) return null;
    const suffix = pageBytes === 4096 ? '' : `-${pageBytes / 1024}K`;
    return {
      program: this.#trace(name),
      launcher: this.#trace(`${LAUNCHER}${suffix}`),
      launcherChild: this.#trace(`${LAUNCHER}-child${suffix}`),
    };
  }

  #trace(name: string): RunSource {
    const source = this.#open.get(name) ?? openTrace(join(this.#folder, `${name}.gtr`));
    this.#open.set(name, source);
    return source;
  }
}
