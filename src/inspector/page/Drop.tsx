/** Opening logs in a page that no server serves: files are dropped on it, or chosen, and never leave it. */
import { isGtr } from '../../trace/gtrFormat.ts';
import type { NamedBytes, RunName } from '../engine/requests.ts';
import { link, refreshRuns, runs, tell } from './store.ts';

/** Traces that were dropped so far, for logs that come after them. */
const traces: NamedBytes[] = [];
/** Logs that were dropped so far, each with its letter once it has one. */
const logs = new Map<NamedBytes, RunName | null>();

/** The first letter that neither a log has nor a fork that was made in the page. */
function freeLetter(): RunName {
  const taken = new Set([...runs.value.map(({ run }) => run), ...logs.values()]);
  let code = 65;
  while (taken.has(String.fromCharCode(code))) code++;
  return String.fromCharCode(code);
}

/** Opens a log under its letter. One that is none is said, and does not stand in the way of others. */
async function openLog(log: NamedBytes, known: RunName | null): Promise<void> {
  try {
    const letter = known ?? freeLetter();
    logs.set(log, letter);
    await link.value?.open?.(letter, log, traces);
  } catch (error) {
    logs.delete(log);
    tell(error);
  }
}

async function take(files: readonly File[]): Promise<void> {
  try {
    for (const file of files) {
      const named = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
      if (isGtr(named.bytes)) traces.push(named);
      else logs.set(named, null);
    }
    // A trace may be that of a log which was there before it, so all are opened again.
    for (const [log, letter] of logs) await openLog(log, letter);
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
