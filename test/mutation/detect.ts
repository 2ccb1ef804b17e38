/**
 * The program that runs in the child: detectors one after the other, the cheapest first, until one notices. What it says goes to
 * standard output as one line of JSON. `MUTANT` has the group of the mutant, and the call that it changes where there is one.
 */
import { footprints, interfaceAnswers, sequenceAnswers } from './detectors/kernelAnswers.ts';
import { sameAsKernel } from './detectors/sameAsKernel.ts';
import { tlbCounts } from './detectors/tlbCounts.ts';
import { shippedTopologies } from './detectors/topologies.ts';
import type { Verdict } from './detectors/verdict.ts';
import { workedOutCases } from './detectors/workedOut.ts';
import { fuzzedWorlds, reclaimWorlds, variedWorlds } from './detectors/worlds.ts';
import type { MutantGroup } from './mutant.ts';

/** What the child is told. */
export interface Subject {
  group: MutantGroup;
  op?: string;
}

type Detector = () => Verdict | null | Promise<Verdict | null>;

const K4 = 4096;
const K16 = 16384;
const K64 = 65536;
/** Calls in the recorded sequences. */
const RECORDED = new Set(['mmap', 'munmap', 'mprotect', 'mremap', 'madvise', 'msync', 'mincore', 'mlock', 'munlock']);

const replay = (pageBytes: number, kernelPageBytes: number, rest: { op?: string; most?: number } = {}): Detector => {
  return () => sequenceAnswers({ pageBytes, kernelPageBytes, ...rest });
};

/** For layer 1: what kernels answered to this call, then what was worked out, then everything. */
function forRules(op: string | undefined): Detector[] {
  const asked =
    op !== undefined && RECORDED.has(op) ? [replay(K64, K4, { op, most: 80 }), replay(K16, K4, { op, most: 80 })] : [];
  return [...asked, interfaceAnswers, () => workedOutCases(op), () => fuzzedWorlds(1, 5)];
}

const forAnswers: Detector[] = [
  replay(K64, K4, { most: 40 }),
  interfaceAnswers,
  () => footprints(false),
  replay(K64, K4),
  replay(K16, K4),
  () => workedOutCases(),
  () => sameAsKernel(60),
  () => variedWorlds(1, 20),
  shippedTopologies,
];

const forTables: Detector[] = [
  () => variedWorlds(1, 10),
  replay(K64, K4, { most: 15 }),
  () => reclaimWorlds(1, 6),
  () => variedWorlds(11, 60),
  () => fuzzedWorlds(1, 40),
  () => reclaimWorlds(7, 30),
  shippedTopologies,
  replay(K64, K4),
  replay(K4, K4, { most: 80 }),
  () => footprints(true),
  interfaceAnswers,
  () => sameAsKernel(40),
  tlbCounts,
];

function detectorsOf({ group, op }: Subject): Detector[] {
  if (group === 'rules') return forRules(op);
  return group === 'answers' ? forAnswers : forTables;
}

/** Asks one detector after the other. */
async function firstVerdict(subject: Subject): Promise<Verdict | null> {
  for (const detector of detectorsOf(subject)) {
    const began = performance.now();
    const verdict = await detector();
    if (process.env['MUTANT_TIMES'] !== undefined)
      process.stderr.write(`${Math.round(performance.now() - began)} ms ${String(detector)}\n`);
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
