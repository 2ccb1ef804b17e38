import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GranuleError } from '../../src/errors.ts';
import { createLogFile, openLogFile } from '../../src/log/fileStorage.node.ts';
import { LogReader } from '../../src/log/logReader.ts';
import { LogWriter } from '../../src/log/logWriter.ts';
import { zlibCompression } from '../../src/log/zlib.node.ts';
import { fillDiskOfLogs } from './fullDisk.ts';
import { realisticRecords, SAMPLE_META } from './sample.ts';

let folder = '';
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'granule-log-'));
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof GranuleError ? error.code : String(error);
  }
  return 'nothing thrown';
}

describe('a log file', () => {
  it('is written to its path and read back', () => {
    const file = path.join(folder, 'run.glog');
    const writer = new LogWriter(createLogFile(file), zlibCompression, SAMPLE_META);
    for (const record of realisticRecords(5000)) writer.append(record);
    const { headHash, bytes } = writer.close();
    const storage = openLogFile(file);
    const reader = LogReader.open(storage, zlibCompression);
    expect([reader.records, reader.headHash, storage.size()]).toEqual([5000, headHash, bytes]);
    expect([...reader.range()]).toEqual([...realisticRecords(5000)]);
    storage.close();
    expect(fs.readdirSync(folder)).toEqual(['run.glog']);
  });

  it('can be read up to the last sealed segment while it is written', () => {
    const file = path.join(folder, 'run.glog');
    const writer = new LogWriter(createLogFile(file), zlibCompression, SAMPLE_META);
    for (const record of realisticRecords(5000)) writer.append(record);
    const storage = openLogFile(file);
    const reader = LogReader.open(storage, zlibCompression);
    expect(reader.recovery).toEqual({ lostBytes: 0, lastGoodSeq: 4095, reason: 'the log was never closed' });
    storage.close();
    writer.close();
  });

  it('leaves a file that is there as it is until it is closed', () => {
    const file = path.join(folder, 'run.glog');
    fs.writeFileSync(file, 'before');
    fs.writeFileSync(`${file}.part`, 'left over');
    const writer = new LogWriter(createLogFile(file), zlibCompression, SAMPLE_META);
    for (const record of realisticRecords(5000)) writer.append(record);
    expect(fs.readFileSync(file, 'utf8')).toBe('before');
    writer.close();
    expect(fs.readdirSync(folder)).toEqual(['run.glog', 'run.glog.part']);
    expect(fs.readFileSync(`${file}.part`, 'utf8')).toBe('left over');
    const storage = openLogFile(file);
    expect(LogReader.open(storage, zlibCompression).records).toBe(5000);
    storage.close();
  });

  it('answers what the system refuses with a code of its own', () => {
    expect(code(() => openLogFile(path.join(folder, 'none.glog')))).toBe('FILE_NOT_FOUND');
    expect(code(() => openLogFile(folder))).toBe('FILE_UNREADABLE');
    expect(code(() => createLogFile(path.join(folder, 'none', 'run.glog')))).toBe('OUTPUT_UNWRITABLE');
    expect(code(() => createLogFile(folder))).toBe('OUTPUT_UNWRITABLE');
  });

  it('on a full disk leaves the file that was there, its own left-overs gone, and takes no more', () => {
    const file = path.join(folder, 'run.glog');
    fs.writeFileSync(file, 'before');
    const storage = createLogFile(file);
    const writer = new LogWriter(storage, zlibCompression, SAMPLE_META);
    using _full = fillDiskOfLogs(20_000);
    const filling = (): void => {
      for (const record of realisticRecords(50_000)) writer.append(record);
    };
    expect(code(filling)).toBe('DISK_FULL');
    expect(fs.readFileSync(file, 'utf8')).toBe('before');
    expect(fs.readdirSync(folder)).toEqual(['run.glog']);
    expect(code(() => storage.append(new Uint8Array(1)))).toBe('INVARIANT');
  });

  it('whose name cannot be had at the end is kept under the one it has', () => {
    const file = path.join(folder, 'run.glog');
    fs.writeFileSync(file, 'before');
    const writer = new LogWriter(createLogFile(file), zlibCompression, SAMPLE_META);
    for (const record of realisticRecords(100)) writer.append(record);
    fs.rmSync(file);
    fs.mkdirSync(path.join(file, 'in the way'), { recursive: true });
    expect(code(() => writer.close())).toBe('OUTPUT_UNWRITABLE');
    const storage = openLogFile(`${file}.part`);
    expect(LogReader.open(storage, zlibCompression)).toMatchObject({ records: 100, recovery: null });
    storage.close();
  });

  it.skipIf(!fs.existsSync('/dev/full'))('says that the disk is full', () => {
    expect(code(() => new LogWriter(createLogFile('/dev/full'), zlibCompression, {}))).toBe('DISK_FULL');
  });
});
