/** Opening logs in a page that no server serves: files are dropped on it, or chosen, and never leave it. */
import { isGtr } from '../../trace/gtrFormat.ts';
import type { NamedBytes } from './openBytes.ts';
import { link, refreshRuns, runs, tell } from './store.ts';

/** Traces that were dropped so far, for logs that come after them. */
const traces: NamedBytes[] = [];
const logs: NamedBytes[] = [];

async function take(files: readonly File[]): Promise<void> {
  try {
    for (const file of files) {
      const named = { name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) };
      (isGtr(named.bytes) ? traces : logs).push(named);
    }
    // A trace may be that of a log which was there before it, so all are opened again.
    for (const [at, log] of logs.entries()) {
      await link.value?.open?.(String.fromCharCode(65 + at), log, traces);
    }
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
