/** In the log of a search every order was a choice: what else could have come is there at each event, and a fork takes it. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type KeptFolder, openKept } from '../../src/explore/corpus/kept.node.ts';
import { recordedChoices } from '../../src/timeline/choices.ts';
import { forkRun } from '../../src/timeline/forkRun.ts';
import { replay } from '../../src/timeline/replay.ts';
import { PROJECT } from '../cli/harness.ts';

describe('the choices in a log of a search', () => {
  let kept: KeptFolder;
  beforeAll(async () => {
    kept = await openKept(join(PROJECT, 'fixtures/findings/gup-beside-fork'));
  });

  test('are those that the model has in the state there, the one that was taken among them', () => {
    const { reader, model, finding } = kept;
    let [state] = model.model.initial();
    let others = 0;
    for (const [at, key] of finding.path.keys.entries()) {
      if (state === undefined) throw new Error('a model has an initial state');
      const possible = model.model.actions(state);
      const choices = recordedChoices(reader, model.traces, at - 1);
      const named = choices.map(({ from, to }) => `${from}>${to}`).sort();
      expect(named).toEqual(possible.map((each) => model.model.keyOf(each).replace(/#\d+$/, '')).sort());
      expect(choices.filter(({ isTaken }) => isTaken).map(({ from, to }) => `${from}>${to}`)).toEqual([
        key.replace(/#\d+$/, ''),
      ]);
      others += choices.length - 1;
      const action = possible.find((each) => model.model.keyOf(each) === key);
      if (action === undefined) throw new Error(`${key} is possible`);
      state = model.model.next(state, action);
    }
    expect(others).toBeGreaterThan(10);
  });

  test('lead to forks that go on in the order of sending, and replay', () => {
    const { reader, model } = kept;
    const at = reader.lastSeq - 10;
    const other = recordedChoices(reader, model.traces, at).find(({ isTaken }) => !isTaken);
    if (other === undefined) throw new Error('there is another choice');
    const { log } = forkRun(reader, model.traces, { at, edits: [{ op: 'choose', index: other.index }] });
    const { from, to, type } = other;
    expect(log.read(at + 1)).toMatchObject({ from, to, type });
    expect(log.lastSeq).toBeGreaterThan(reader.lastSeq);
    expect(replay(log, model.traces).divergence).toBe(null);
  });
});
