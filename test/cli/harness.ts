/** Running commands in this process, in a folder of their own, and keeping what they print. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/program.ts';
import { textIo } from '../../src/cli/textIo.ts';

/** The project's own folder. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** What a command did. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** A folder that commands run in. */
export class Workplace {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'granule-cli-'));

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs one command line, given as words. */
  async run(args: readonly string[], how: { env?: Record<string, string>; tty?: boolean } = {}): Promise<Ran> {
    const io = textIo(this.folder, how.env);
    if (how.tty === true) {
      io.stdout.isTTY = true;
      io.stderr.isTTY = true;
    }
    const code = await main(args, io);
    return { code, stdout: io.stdout.text, stderr: io.stderr.text };
  }
}

/** The fixture of that name. */
export function fixture(name: string): string {
  return join(PROJECT, 'fixtures', name);
}
