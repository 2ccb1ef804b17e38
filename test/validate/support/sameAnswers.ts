/** Plays one sequence on a kernel of page size P and as a process of P on a 4K kernel, and holds the answers together. */
import {
  abiScript,
  abiTopology,
  abiWorld,
  playScript,
  type AbiWorld,
  type ModelAnswer,
} from '../../../src/validate/abiRun.ts';
import type { AbiAction } from '../../../src/validate/abiStep.ts';
import { DISK_FILE, firstMappings } from './callLists.ts';

const FILE_BYTES = 200_000;
const files = [{ path: DISK_FILE, size: 150_000 }];

/** Two worlds that must not be told apart by a process. */
export class Pair {
  readonly #plain: AbiWorld;
  readonly #process: AbiWorld;
  readonly #topologies;

  constructor(pageBytes: number) {
    this.#plain = abiWorld(pageBytes);
    this.#process = abiWorld(pageBytes, 4096);
    const program = { name: 'pair', fileBytes: FILE_BYTES, files };
    this.#topologies = [abiTopology(this.#plain, program), abiTopology(this.#process, program)] as const;
  }

  /** The first difference of what a process sees, in words; null where there is none. */
  differs(calls: readonly AbiAction[], shared = calls.length % 2 === 1): string | null {
    const actions = [...firstMappings(shared), ...calls];
    const script = abiScript({ name: 'pair', fileBytes: FILE_BYTES, files, actions });
    const [plain, process] = this.#topologies.map((topology) => playScript(topology, script, actions));
    for (const [at, action] of actions.entries()) {
      const [theirs, ours] = [seen(plain.answers[at]), seen(process.answers[at])];
      if (theirs === ours && theirs !== '') continue;
      const failure = plain.failure ?? process.failure;
      return `step ${at} ${JSON.stringify(action)}\n plain   ${theirs}\n process ${ours}\n ${failure?.format() ?? ''}`;
    }
    return null;
  }
}

function seen(answer: ModelAnswer | undefined): string {
  if (answer === undefined) return '';
  const { seq: _event, ...visible } = answer;
  return JSON.stringify(visible);
}
