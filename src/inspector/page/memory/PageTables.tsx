/** The Linux table beside the native one: a row for each native page, its Linux entries as cells, and what came of them. */
import { signal } from '@preact/signals';
import type { PageGroup, PageTablesView } from '../../engine/memory/pageTables.ts';
import { count } from '../format.ts';
import { flagNames, hexText, lookOf, LOOKS, sizeText } from './flags.ts';

/** Address that the groups begin at, by what the pager was asked for. */
export const fromVa = signal(0);

function Group({ group, hasNative }: { group: PageGroup; hasNative: boolean }) {
  const native = group.native >= 0 ? flagNames(group.native) : group.reason === '' ? '—' : group.reason;
  return (
    <tr class={group.reason === '' ? '' : 'refused'}>
      <th scope="row">{hexText(group.va)}</th>
      <td class="number">{group.pfn < 0 ? '' : hexText(group.pfn)}</td>
      <td>
        <span class="cells">
          {Array.from(group.linux, (flags, at) => (
            <span key={at} class={`cell look-${lookOf(flags)}`} title={flagNames(flags)} />
          ))}
        </span>
      </td>
      {hasNative && (
        <td>
          <span class={`cell wide look-${lookOf(group.native)}`} title={native} />
          {group.reason !== '' && <span class="reason">{group.reason}</span>}
        </td>
      )}
    </tr>
  );
}

/** Both tables. */
export function PageTables({ view }: { view: PageTablesView }) {
  const hasNative = view.nativePageBytes > 0;
  const hasColumn = hasNative || view.fallback !== '';
  const refused = view.groups.filter(({ reason }) => reason !== '').length;
  return (
    <div class="tables">
      <p>
        Linux: {count(view.entries)} entries of {sizeText(view.linuxPageBytes)}
        {hasNative
          ? ` · native: ${count(view.nativeEntries)} entries of ${sizeText(view.nativePageBytes)} · ${refused} groups here have none`
          : ' · no native table: the process runs with the pages of the kernel'}
        {view.fallback !== '' && <strong> · fell back: {view.fallback}</strong>}
      </p>
      <p class="legend" aria-label="legend">
        {LOOKS.map(([look, says]) => (
          <span key={look}>
            <span class={`cell look-${look}`} /> {says}
          </span>
        ))}
      </p>
      <table>
        <thead>
          <tr>
            <th scope="col">from</th>
            <th scope="col">frame</th>
            <th scope="col">Linux entries</th>
            {hasColumn && <th scope="col">native</th>}
          </tr>
        </thead>
        <tbody>
          {view.groups.map((group) => (
            <Group key={group.va} group={group} hasNative={hasColumn} />
          ))}
        </tbody>
      </table>
      {view.from > 0 && <button onClick={() => (fromVa.value = 0)}>from the beginning</button>}
      {view.nextVa > 0 && <button onClick={() => (fromVa.value = view.nextVa)}>from {hexText(view.nextVa)} on</button>}
    </div>
  );
}
