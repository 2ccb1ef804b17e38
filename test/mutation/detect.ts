/**
 * The program that runs in the child: detectors one after the other, the cheapest first, until one notices. What it says goes to
 * standard output as one line of JSON. `MUTANT` has the group of the mutant;
 * with `MUTANT_STAGE=first` only the first three detectors are asked.
 */
import { interfaceAnswers, sequenceAnswers } from './detectors/kernelAnswers.ts';
import { sameAsKernel } from './detectors/sameAsKernel.ts';
import { shippedTopologies } from './detectors/topologies.ts';
import type { Verdict } from './detectors/verdict.ts';
import { workedOutCases } from './detectors/workedOut.ts';
import { fineWorlds, fuzzedWorlds, reclaimWorlds, variedWorlds } from './detectors/worlds.ts';
import type { MutantGroup } from './mutant.ts';

/** What the child is told. */
export interface Subject {
  group: MutantGroup;
}

type Detector = () => Verdict | null | Promise<Verdict | null>;

const K4 = 4096;
const K64 = 65536;
const replay = (pageBytes: number, kernelPageBytes: number, rest: { most?: number } = {}): Detector => {
  return () => sequenceAnswers({ pageBytes, kernelPageBytes, ...rest });
};

const forAnswers: Detector[] = [
  replay(K64, K4, { most: 20 }),
  interfaceAnswers,
  () => workedOutCases(),
  () => sameAsKernel(20),
];

const forTables: Detector[] = [
  () => variedWorlds(1, 10),
  replay(K64, K4, { most: 10 }),
  () => reclaimWorlds(1, 3),
  () => variedWorlds(11, 30),
  () => reclaimWorlds(4, 8),
  () => fuzzedWorlds(1, 8),
  () => fineWorlds(1, 8),
  shippedTopologies,
  replay(K4, K4, { most: 10 }),
];

function detectorsOf({ group }: Subject): Detector[] {
  const all = group === 'answers' ? forAnswers : forTables;
  const stage = process.env['MUTANT_STAGE'];
  return stage === 'first' ? all.slice(0, 3) : all;
}

/** Asks one detector after the other. */
async function firstVerdict(subject: Subject): Promise<Verdict | null> {
  for (const detector of detectorsOf(subject)) {
    const verdict = await detector();
    if (verdict !== null) return verdict;
  }
  return null;
}

const subject = JSON.parse(process.env['MUTANT'] ?? '{"group":"tables"}') as Subject;
firstVerdict(subject).then(
  (verdict) => process.stdout.write(`${JSON.stringify({ verdict })}\n`),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exitCode = 1;
  },
);
