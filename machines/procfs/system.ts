/** Files of the system: sysfs, and those that the zone knows the numbers of. */
import { listHugepages } from '../../src/mm/hugetlb/sizes.ts';
import { textBytes } from '../../src/mm/procfs/lines.ts';
import { relationOf, rowOf, type Verdict, verdictOf } from '../../src/mm/procfs/matrix.ts';
import { settingText } from '../../src/mm/procfs/settings.ts';
import {
  buddyinfoText,
  meminfoText,
  vmstatText,
  type ZoneFacts,
  zoneinfoText,
} from '../../src/mm/procfs/systemFiles.ts';
import { bootControls } from '../../src/mm/thp/controls.ts';
import { pmdBytesOf } from '../../src/mm/thp/sizes.ts';
import { listThp, readThp } from '../../src/mm/thp/sysfs.ts';
import type { MessageOf } from '../messages.ts';
import type { Send } from '../support.ts';
import { ends, ENTRY_BYTES, SENDER, waits } from './ends.ts';
import type { ProcfsContext, ProcRead } from './procfsState.ts';

/**
 * Reads a file of `/sys/kernel/mm`.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'sysfs' as const, name: 'transparent_hugepage/hpage_pmd_size' };
 * const read = newRead({ pid: 1, readerPageBytes: 65536, path, offsetBytes: 0, lengthBytes: 99, text: null });
 * const sent: Message[] = [];
 * readSysfs(procfs, read, 'value', (_to, message) => sent.push(message));
 * bytesText(sent[0]?.data); // '536870912\n'
 * ```
 */
export function readSysfs(context: ProcfsContext, read: ProcRead, verdict: Verdict, send: Send): ProcfsContext {
  const { kernelPageBytes, policy, resources } = context;
  const reader = { pageBytes: read.readerPageBytes, kernelPageBytes, policy };
  const name = read.path.name;
  const listed = (names: readonly string[]): number[] => textBytes(names.map((each) => `${each}\n`).join(''));
  if (name === 'hugepages/') return ends(context, read, verdict, listed(listHugepages(reader)), send);
  const inside = name.slice('transparent_hugepage/'.length);
  if (inside === '') return ends(context, read, verdict, listed(listThp(reader)), send);
  if (resources.facilities.thp !== undefined) {
    // khugepaged keeps them as they are now, and knows its own policy.
    const { pid: request, readerPageBytes: pageBytes } = read;
    send('khugepaged', { type: 'READ_CONTROL', sender: SENDER, request, path: inside, pageBytes });
    return waits(context, { ...read, awaits: 1 });
  }
  const control = readThp(bootControls(kernelPageBytes, resources.design.thp), inside, reader);
  return 'text' in control
    ? ends(context, read, verdict, textBytes(control.text), send)
    : ends(context, read, 'ENOENT', [], send);
}

/**
 * khugepaged has told what a setting of transparent huge pages is now.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'sysfs' as const, name: 'transparent_hugepage/enabled' };
 * const read = newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * controlSeen(procfs, read, { type: 'CONTROL_DONE', request: 1, errno: 0, text: 'always' }, () => {}).ends; // { value: 1 }
 * ```
 */
export function controlSeen(
  context: ProcfsContext,
  read: ProcRead,
  { errno, text }: MessageOf<'CONTROL_DONE'>,
  send: Send,
): ProcfsContext {
  return ends(context, { ...read, awaits: 0 }, errno === 0 ? 'value' : 'ENOENT', textBytes(text), send);
}

/**
 * The zone has told of itself: files of the system are made, but those about frames, for which the folios are asked for.
 *
 * @example
 * ```ts
 * const resources = new ResourceHolder({ traces: new Map(), costs: defaultCosts });
 * const procfs = initialProcfs({ resources, kernelPageBytes: 4096, zeroPfn: 0, policy: 'translate', pids: [1], files: [] });
 * const path = { scope: 'system' as const, name: 'sys/vm/swappiness' };
 * const read = newRead({ pid: 1, readerPageBytes: 4096, path, offsetBytes: 0, lengthBytes: 64, text: null });
 * const frames = { anon: 0, file: 0, table: 0, kernel: 0, reserved: 0 };
 * const counts = { totalPages: 1, basePfn: 0, freePages: 1, freeBlocks: [1], frames, min: 0, low: 0, high: 0 };
 * zoneSeen(procfs, read, { type: 'ZONE_STATE', request: 1, ...counts }, () => {}).ends; // { value: 1 }
 * ```
 */
export function zoneSeen(
  context: ProcfsContext,
  before: ProcRead,
  event: MessageOf<'ZONE_STATE'>,
  send: Send,
): ProcfsContext {
  const read = { ...before, awaits: 0 };
  const { kernelPageBytes, policy } = context;
  const { name, scope } = read.path;
  const row = rowOf(scope, name);
  if (row === null) return ends(context, read, 'ENOENT', [], send);
  const verdict = verdictOf(row, relationOf(read.readerPageBytes, kernelPageBytes), policy);
  const zone: ZoneFacts = { ...event, kernelPageBytes };
  if (name === 'kpagecount' || name === 'kpageflags') {
    const first = read.offsetBytes / ENTRY_BYTES;
    const endPfn = Math.min(first + read.lengthBytes / ENTRY_BYTES, zone.basePfn + zone.totalPages);
    const pfns = Array.from({ length: Math.max(0, endPfn - first) }, (_, at) => first + at);
    if (pfns.length === 0) return ends(context, read, verdict, [], send);
    send('zone', { type: 'FOLIO_QUERY', sender: SENDER, request: read.pid, pfns });
    return waits(context, { ...read, pfns, awaits: 1 });
  }
  const text = systemText(name, zone, read);
  return text === null ? ends(context, read, 'ENOENT', [], send) : ends(context, read, verdict, textBytes(text), send);
}

function systemText(name: string, zone: ZoneFacts, { readerPageBytes, swapBytes }: ProcRead): string | null {
  switch (name) {
    case 'meminfo':
      return meminfoText(zone, pmdBytesOf(readerPageBytes), swapBytes);
    case 'vmstat':
      return vmstatText(zone, readerPageBytes);
    case 'buddyinfo':
      return buddyinfoText(zone, readerPageBytes);
    case 'zoneinfo':
      return zoneinfoText(zone, readerPageBytes);
    case 'sys/vm/min_free_kbytes':
      return `${(zone.min * zone.kernelPageBytes) / 1024}\n`;
    default:
      return settingText(name.slice('sys/vm/'.length), zone.kernelPageBytes);
  }
}
