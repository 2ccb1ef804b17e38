/** What `granule fork --list` prints: what waits behind an event, and which settings can change. */
import type { LogReader } from '../log/logReader.ts';
import type { RunSource } from '../mm/runs.ts';
import { formatCount } from '../report/format.ts';
import { payloadLine } from '../report/recordText.ts';
import { formatTable } from '../report/table.ts';
import { Interventions } from '../timeline/edits.ts';
import { recordedChoices } from '../timeline/choices.ts';
import { changeableSettings } from '../timeline/settings.ts';
import { openMeta } from '../topology/meta.ts';
import { valueAt } from '../topology/places.ts';
import type { Cli } from './cli.ts';

/** Characters of a payload in the list. */
const PAYLOAD_CHARACTERS = 70;

/**
 * Prints what a fork behind `at` can change.
 *
 * @throws GranuleError SEQ_OUT_OF_RANGE, TRACE_MISSING
 * @example
 * ```ts
 * const process = { pid: 1, trace: 'made', pageSize: '4K' };
 * const traces = new Map([[1, traceFromSteps([{ access: 'X', addr: 0x10000 }])]]);
 * const reader = runInMemory(parseTopology({ name: 'one', processes: [process] }, 'example'), traces);
 * listChanges(new Cli(textIo('/')), reader, traces, { at: 9, json: false });
 * ```
 */
export function listChanges(
  cli: Cli,
  reader: LogReader,
  traces: ReadonlyMap<number, RunSource>,
  { at, json }: { readonly at: number; readonly json: boolean },
): void {
  const choices = recordedChoices(reader, traces, at);
  const topology = new Interventions(openMeta(reader.meta)).topologyAt(at + 1);
  const settings = changeableSettings.map((setting) => ({
    ...setting,
    value: valueAt(topology, setting.key.split('.')),
  }));
  if (json) {
    const waiting = choices.map(({ id: _id, isTaken: _taken, ...choice }) => choice);
    cli.json({ at, waiting, settings });
    return;
  }
  const rows = choices.map(({ index, seq, to, from, type, deliverCycles, payload }) => [
    String(index),
    String(seq ?? '-'),
    formatCount(deliverCycles),
    `${from} -> ${to}`,
    type,
    payloadLine(payload, PAYLOAD_CHARACTERS),
  ]);
  const align = ['right', 'right', 'right', 'left', 'left', 'left'] as const;
  cli.out.write(
    formatTable([['choice', 'seq', 'due', 'waits after ' + (at < 0 ? 'nothing' : at), 'message', 'payload'], ...rows], {
      align,
    }),
  );
  const known = settings.map(({ key, value, says }) => [
    key,
    typeof value === 'string' || typeof value === 'number' ? String(value) : '',
    says,
  ]);
  cli.out.write(`\n${formatTable([['setting', 'now', 'what it is'], ...known], { align: ['left', 'left', 'left'] })}`);
}
