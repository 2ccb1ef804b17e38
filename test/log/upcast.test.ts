import { describe, expect, it } from 'vitest';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { memoryStorage } from '../../src/log/storage.ts';
import { defineVersions, messageVersions, upcastFrom, type Upcaster } from '../../src/log/upcast.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';

const wrap: Upcaster = (payload) => ({ order: payload });
const addOwner: Upcaster = (payload) => Object.assign({}, payload, { owner: null });
const registry = defineVersions({
  ALLOC: { version: 3, upcasters: [wrap, addOwner] },
  FREE: { version: 1, upcasters: [] },
});

describe('upcasters', () => {
  it.each([
    [1, 4, { order: 4, owner: null }],
    [2, { order: 4 }, { order: 4, owner: null }],
    [3, { order: 4, owner: 'mm:1' }, { order: 4, owner: 'mm:1' }],
  ])('lift a log written at version %i to the current one', (version, payload, expected) => {
    const storage = memoryStorage();
    const writer = new LogWriter(storage, zlibCompression, { messageVersions: { ALLOC: version } });
    writer.append({ seq: 0, timeCycles: 0, to: 'zone', from: 'mm:1', cause: -1, type: 'ALLOC', payload });
    writer.append({ seq: 1, timeCycles: 1, to: 'zone', from: 'mm:1', cause: -1, type: 'OTHER', payload: 7 });
    writer.close();
    const reader = LogReader.open(storage, zlibCompression, registry);
    expect([...reader.range()].map((record) => record.payload)).toEqual([expected, 7]);
    expect(LogReader.open(storage, zlibCompression).read(0).payload).toEqual(payload);
  });

  it('are not called when every version is current', () => {
    expect(upcastFrom(messageVersions(registry), registry)).toBeUndefined();
  });

  it('refuse a log of a version that is not known yet', () => {
    expect(() => upcastFrom({ ALLOC: 4 }, registry)).toThrow('the log holds version 4 of message ALLOC');
  });

  it.each([
    ['a missing step', { version: 3, upcasters: [wrap] }],
    ['a hole', { version: 3, upcasters: Object.assign([], { 1: wrap, length: 2 }) as Upcaster[] }],
    ['one step too many', { version: 1, upcasters: [wrap] }],
    ['version 0', { version: 0, upcasters: [] }],
  ])('refuse a registry with %s', (_, entry) => {
    expect(() => defineVersions({ ALLOC: entry })).toThrow('ALLOC');
  });
});
