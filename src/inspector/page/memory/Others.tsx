/** TLBs by level, the page cache of a file by folio order, and the areas of a process. */
import { HeadRow } from '../HeadRow.tsx';
import type { AreasView, CacheView } from '../../engine/memory/memoryOf.ts';
import type { TlbLevel, TlbsView } from '../../engine/memory/tlbs.ts';
import { count } from '../format.ts';
import { hexText, sizeText } from './flags.ts';

/** Rows of a level's table; the cells above it show all entries. */
const ROWS = 100;

function rightsText(rights: number): string {
  return `${rights & 1 ? 'r' : '-'}${rights & 2 ? 'w' : '-'}${rights & 4 ? 'x' : '-'}`;
}

function Level({ level }: { level: TlbLevel }) {
  return (
    <details open={level.entries.length > 0 && level.entries.length <= ROWS}>
      <summary>
        {level.name}: {count(level.entries.length)} of {count(level.capacity)} entries, {level.ways} ways
        <meter min={0} max={level.capacity} value={level.entries.length} aria-label={`${level.name} in use`} />
      </summary>
      <table>
        <HeadRow names={['set', 'rank', 'asid', 'page', 'frame', 'rights', '']} />
        <tbody>
          {level.entries.slice(0, ROWS).map(({ set, rank, asid, page, frame, rights, covers }) => (
            <tr key={`${set} ${rank}`}>
              <td class="number">{set}</td>
              <td class="number">{rank}</td>
              <td class="number">{asid < 0 ? '' : asid}</td>
              <td>{hexText(page)}</td>
              <td>{covers === 'table' ? '' : hexText(frame)}</td>
              <td>{covers === 'table' ? '' : rightsText(rights)}</td>
              <td>{covers === 'page' ? '' : covers}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {level.entries.length > ROWS && <p>and {count(level.entries.length - ROWS)} more</p>}
    </details>
  );
}

/** The levels of one CPU. */
export function Tlbs({ view }: { view: TlbsView }) {
  const { installed } = view;
  return (
    <div>
      <p>
        {installed === null
          ? 'no process installed'
          : `process ${installed.pid}, ASID ${installed.asid}, pages of ${sizeText(installed.pageBytes)}`}
      </p>
      {view.levels.map((level) => (
        <Level key={level.name} level={level} />
      ))}
    </div>
  );
}

/** The page cache of a file: each folio as wide as its pages, in the order of the file. */
export function Cache({ view }: { view: CacheView }) {
  const pages = view.folios.reduce((sum, { order }) => sum + 2 ** order, 0);
  const total = Math.max(1, Math.ceil(view.sizeBytes / view.pageBytes));
  return (
    <div>
      <p>
        {count(pages)} of {count(total)} pages of {sizeText(view.pageBytes)} in {count(view.folios.length)} folios;
        order {view.minOrderPages} at least
      </p>
      <div
        class="strip"
        role="img"
        aria-label="the file from its beginning to its end, with the folios that are cached"
      >
        {view.folios.map(({ index, order, dirty }) => (
          <span
            key={index}
            class={`folio order-${Math.min(order, 9)}${dirty ? ' dirty' : ''}`}
            style={{ left: `${(index / total) * 100}%`, width: `${Math.max(0.15, (2 ** order / total) * 100)}%` }}
            title={`pages ${index} to ${index + 2 ** order - 1}, order ${order}${dirty ? ', dirty' : ''}`}
          />
        ))}
      </div>
      <table>
        <HeadRow names={['index', 'order', 'frame', '']} />
        <tbody>
          {view.folios.slice(0, ROWS).map(({ index, order, pfn, dirty, uptodate }) => (
            <tr key={index}>
              <td class="number">{index}</td>
              <td class="number">{order}</td>
              <td>{hexText(pfn)}</td>
              <td>
                {dirty ? 'dirty ' : ''}
                {uptodate ? 'uptodate' : 'being read'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {view.folios.length > ROWS && <p>and {count(view.folios.length - ROWS)} more</p>}
    </div>
  );
}

/** The areas of a process. */
export function Areas({ view }: { view: AreasView }) {
  return (
    <table>
      <caption>
        {count(view.areas.length)} areas, pages of {sizeText(view.pageBytes)}
      </caption>
      <HeadRow names={['from', 'to', '', 'size', 'offset', 'what']} />
      <tbody>
        {view.areas.map(({ startVa, endVa, permissions, offsetBytes, name }) => (
          <tr key={startVa}>
            <td>{hexText(startVa)}</td>
            <td>{hexText(endVa)}</td>
            <td>{permissions}</td>
            <td class="number">{sizeText(endVa - startVa)}</td>
            <td class="number">{offsetBytes === 0 ? '' : hexText(offsetBytes)}</td>
            <td>{name}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
