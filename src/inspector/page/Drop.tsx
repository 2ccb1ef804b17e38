/** Opening logs in a page that no server serves: files are dropped on it, or chosen, and never leave it. */
import { isGtr } from '../../trace/gtrFormat.ts';
import type { NamedBytes } from '../engine/requests.ts';
import { link, refreshRuns, runs, tell } from './store.ts';

/** Traces that were dropped so far, for logs that come after them. */
const traces: NamedBytes[] = [];
const logs: NamedBytes[] = [];

/** Opens a log under the letter of its place. One that is none is said, and does not stand in the way of others. */
async function openLog(log: NamedBytes): Promise<void> {
  try {
    await link.value?.open?.(String.fromCharCode(65 + logs.indexOf(log)), log, traces);
  } catch (error) {
    logs.splice(logs.indexOf(log), 1);
    tell(error);
  }
}

async function take(files: readonly File[]): Promise<void> {
  try {
    for (const file of files) {
      const named = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
      (isGtr(named.bytes) ? traces : logs).push(named);
    }
    // A trace may be that of a log which was there before it, so all are opened again.
    for (const log of logs.slice()) await openLog(log);
    await refreshRuns();
  } catch (error) {
    tell(error);
  }
}

/** The place to drop them on; small once a run is open. */
export function Drop({ isWhole }: { isWhole: boolean }) {
  return (
    <div
      class={isWhole ? 'drop whole' : 'drop'}
      onDragOver={(drag) => drag.preventDefault()}
      onDrop={(drop) => {
        drop.preventDefault();
        void take([...(drop.dataTransfer?.files ?? [])]);
      }}
    >
      <label>
        {runs.value.length === 0 ? 'Drop a log here, and the traces it was made of; or choose them: ' : 'open more: '}
        <input
          type="file"
          multiple
          accept=".glog,.gtr"
          onChange={({ currentTarget }) => void take([...(currentTarget.files ?? [])])}
        />
      </label>
      {isWhole && <p>What you open stays in this page: nothing is sent anywhere.</p>}
    </div>
  );
}
