import type { LogMeta } from '../../src/log/headerFrame.ts';
import { LogWriter, type LogTotals } from '../../src/log/logWriter.ts';
import type { LogRecord } from '../../src/log/record.ts';
import { type LogStorage, memoryStorage } from '../../src/log/storage.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';

/** A small generator of numbers (xorshift32), so that samples are the same in every run. */
export function numbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const PROCESSES = 5;

/** One fault's messages, as a run sends them: 12 types between 20 actors, addresses near each other. */
export function* realisticRecords(count: number, seed = 1): Generator<LogRecord, void, undefined> {
  const below = numbers(seed);
  const heads = Array.from({ length: PROCESSES }, (_, pid) => 0x7f0000000000 + pid * 0x100000000);
  const runs = heads.map(() => 0);
  let seq = 0;
  let timeCycles = 0;
  let frame = 4096;
  const make = (to: string, from: string, type: string, cause: number, payload: unknown): LogRecord => {
    timeCycles += 40 + below(12) * 10;
    return { seq: seq++, timeCycles, to, from, cause, type, payload };
  };
  for (;;) {
    const pid = below(PROCESSES);
    const cpu = below(2);
    const ids = { tlb: `tlb:${cpu}`, mmu: `mmu:${pid}`, mm: `mm:${pid}`, file: `file:/lib/${pid}.so` };
    const from = runs[pid] ?? 0;
    runs[pid] = from + 50 + below(400);
    heads[pid] = (heads[pid] ?? 0) + 4096 * below(6);
    const addr = heads[pid] ?? 0;
    const write = below(3) === 0;
    const chain: [string, string, string, unknown][] = [
      [ids.tlb, `process:${pid}`, 'RUN', { asid: pid, trace: pid, fromRun: from, toRun: runs[pid], core: cpu }],
      [ids.mmu, ids.tlb, 'WALK', { asid: pid, addr, access: write ? 'write' : 'read', level: 3 }],
      [ids.mm, ids.mmu, 'FAULT', { addr, write, user: true, cpu, errorCode: write ? 6 : 4 }],
    ];
    if (below(2) === 0) {
      chain.push([ids.file, ids.mm, 'GET_FOLIO', { index: (addr / 4096) % 4096, order: 4, write }]);
      chain.push([ids.mm, ids.file, 'FOLIO', { index: (addr / 4096) % 4096, pfn: (frame += 16), order: 4 }]);
    } else {
      chain.push(['zone', ids.mm, 'ALLOC', { order: 4, movable: true, owner: ids.mm }]);
      chain.push([ids.mm, 'zone', 'FRAMES', { pfn: (frame += 16), order: 4, zeroed: false }]);
    }
    chain.push([ids.mmu, ids.mm, 'SET_PTES', { addr, pfn: frame, nr: 16, prot: 3, young: true, dirty: write }]);
    chain.push([ids.tlb, ids.mmu, 'TRANSLATION', { asid: pid, addr, pfn: frame, shift: 16, writable: write }]);
    chain.push([`process:${pid}`, ids.tlb, 'RUN_DONE', { toRun: runs[pid], cycles: 100 + below(5000), misses: 1 }]);
    if (below(4) === 0) chain.push(['disk', ids.file, 'READ', { sector: addr / 512, bytes: 65536 }]);
    if (below(4) === 0) chain.push(['sched', `process:${pid}`, 'YIELD', { cpu, runnable: below(PROCESSES) }]);
    let cause = -1;
    for (const [to, sender, type, payload] of chain) {
      if (seq >= count) return;
      yield make(to, sender, type, cause, payload);
      cause = seq - 1;
    }
  }
}

export const SAMPLE_META: LogMeta = { topology: { name: 'sample', actors: ['sched', 'zone'] }, seed: 7, parent: null };

/** A log in memory, with a checkpoint every so many records. */
export function sampleLog(
  count: number,
  checkpointEvery = 0,
  meta: LogMeta = SAMPLE_META,
): { storage: LogStorage; bytes: Uint8Array; totals: LogTotals; records: LogRecord[] } {
  const storage = memoryStorage();
  const writer = new LogWriter(storage, zlibCompression, meta);
  const records = [...realisticRecords(count)];
  for (const record of records) {
    writer.append(record);
    if (checkpointEvery > 0 && record.seq % checkpointEvery === checkpointEvery - 1) {
      // Every second checkpoint leaves the zone out: unchanged.
      const states = [{ actor: 'sched', state: { seq: record.seq, queue: new Uint32Array([1, 2, record.seq]) } }];
      const odd = ((record.seq + 1) / checkpointEvery) % 2 === 1;
      writer.checkpoint(record.seq, odd ? [...states, { actor: 'zone', state: { freeAt: record.seq } }] : states);
    }
  }
  const totals = writer.close();
  return { storage, bytes: storage.read(0, storage.size()), totals, records };
}
