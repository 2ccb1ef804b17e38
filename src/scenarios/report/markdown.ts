import type { Verdict } from '../judge.ts';
export function markdownReport(verdicts: readonly Verdict[]): string { return String(verdicts.length); }
