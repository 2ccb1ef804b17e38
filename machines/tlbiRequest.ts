/** What an MMU asks of the TLBs. */
import type { TlbiOp } from '../src/arch/tlbi.ts';

/** One TLB maintenance operation with its operands. `endVa` is exclusive and meaningful for the by-VA operations. */
export interface TlbiRequest {
  op: TlbiOp;
  asid: number;
  startVa: number;
  endVa: number;
  /** Page size of the translations it is meant for. */
  pageBytes: number;
  /** Page size that the operand names (TG), and the level that it hints (TTL), null for none. */
  operandPageBytes: number;
  level: number | null;
  /** Instructions that Linux issues for it. */
  instructions: number;
}
