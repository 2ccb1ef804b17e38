import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { type AbiSequence, readAbiFile } from '../../src/validate/abiFile.node.ts';

const folder = mkdtempSync(join(tmpdir(), 'granule-answers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MUNMAP = { seq: 0, i: 0, op: 'munmap', addr: '200000000', len: 4096, ret: 0, maps: [] };
const LOAD = { seq: 0, i: 1, op: 'load', addr: '200000000', signal: 11, code: 1, minflt: 3 };

function lines(...values: unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

async function read(content: string | Buffer, name = 'answers.ndjson'): Promise<AbiSequence[]> {
  const path = join(folder, name);
  writeFileSync(path, content);
  const found: AbiSequence[] = [];
  for await (const sequence of readAbiFile(path)) found.push(sequence);
  return found;
}

function refusal(content: string | Buffer, name?: string): Promise<unknown> {
  return read(content, name).then(
    () => null,
    ({ code, where, message }) => ({ code, where: String(where).replace(`${folder}/`, ''), message: String(message) }),
  );
}

describe('a file of answers', () => {
  it('is cut into sequences where the number changes or the steps begin again', async () => {
    const steps = [MUNMAP, LOAD, { ...MUNMAP, seq: 1, i: -2 }, LOAD, { ...LOAD, i: 0 }];
    const found = await read(lines(...steps));
    expect(found.map(({ seq, steps: own }) => [seq, own.map(({ index }) => index)])).toEqual([
      [0, [0, 1]],
      [1, [-2]],
      [0, [1]],
      [0, [0]],
    ]);
  });

  it('takes minor faults of an access for defined only where it raised no signal', async () => {
    const [{ steps }] = await read(lines(LOAD, { ...LOAD, i: 2, signal: 0 }));
    expect(steps.map(({ answer }) => [answer.signal, answer.code, answer.minflt])).toEqual([
      [11, 1, null],
      [0, null, 3],
    ]);
  });

  it('is read compressed as it is read plain, whatever it is called', async () => {
    const text = lines({ kernel_page_size: 16384, file_size: 5 }, MUNMAP);
    expect(await read(gzipSync(text))).toEqual(await read(text));
  });

  it('says whose answers it holds by its header, and one header may follow another', async () => {
    const found = await read(
      lines({ kernel_page_size: 16384, file_size: 5 }, MUNMAP, { kernel_page_size: 65536 }, MUNMAP),
    );
    expect(found.map(({ kernelPageBytes, fileBytes }) => [kernelPageBytes, fileBytes])).toEqual([
      [16384, 5],
      [65536, 200_000],
    ]);
  });

  it('without a header is of the largest page size that all areas are made of, or of a smaller one by its name', async () => {
    const areas = (...bounds: string[]): string => lines({ ...MUNMAP, maps: [[...bounds, 'rw-p', 0, 0]] });
    const size = async (text: string, name?: string): Promise<number> => (await read(text, name))[0].kernelPageBytes;
    expect(await size(areas('200000000', '200010000'))).toBe(65536);
    expect(await size(areas('200000000', '200004000'))).toBe(16384);
    expect(await size(areas('200000000', '200005000'), 'abi-64K.ndjson')).toBe(4096);
    expect(await size(areas('200000000', '200010000'), 'abi-4K.ndjson')).toBe(4096);
  });

  it('passes over the note of a probe that died', async () => {
    const [{ steps }] = await read(lines(MUNMAP, { seq: 0, died: 139 }));
    expect(steps).toHaveLength(1);
  });

  it('is refused with file and line where a line is no step', async () => {
    const bad = (value: unknown): Promise<unknown> => refusal(lines(MUNMAP, value));
    const where = 'answers.ndjson:2';
    expect(await bad({ ...LOAD, addr: 'xyz' })).toMatchObject({ code: 'ANSWERS_MALFORMED', where });
    expect(await bad({ ...LOAD, op: 'jump' })).toMatchObject({ code: 'ANSWERS_MALFORMED', where });
    expect(await bad({ ...MUNMAP, err: 22 })).toMatchObject({ message: 'a call has either ret or err' });
    expect(await bad({ ...MUNMAP, addr: 'fffffffffffffff0' })).toMatchObject({ code: 'ANSWERS_MALFORMED', where });
    expect(await bad({ kernel_page_size: 8192 })).toMatchObject({ code: 'ANSWERS_MALFORMED', where });
    expect(await bad({ ...MUNMAP, maps: [['stack', 'heap', 'rw-p', 0, 0]] })).toMatchObject({
      code: 'ANSWERS_MALFORMED',
      where,
    });
    expect(await bad(7)).toMatchObject({ code: 'ANSWERS_MALFORMED', where });
  });

  it('is refused with file and line where a line is no JSON, a last one without an end too', async () => {
    expect(await refusal(`${lines(MUNMAP)}\n{"seq":0,`)).toMatchObject({ where: 'answers.ndjson:3' });
  });

  it('is refused where it holds nothing, or a header and nothing else', async () => {
    const nothing = { code: 'ANSWERS_MALFORMED', where: 'answers.ndjson:1' };
    expect(await refusal('')).toEqual({ ...nothing, message: 'not one line' });
    expect(await refusal('\n \n')).toEqual({ ...nothing, message: 'not one line' });
    expect(await refusal(gzipSync(''))).toEqual({ ...nothing, message: 'not one line' });
    expect(await refusal(lines({ kernel_page_size: 4096 }))).toEqual({ ...nothing, message: 'not one sequence' });
  });

  it('is refused where gzip ends early', async () => {
    const whole = gzipSync(lines(...Array.from({ length: 500 }, (_, i) => ({ ...MUNMAP, i, len: i * i }))));
    expect(await refusal(whole.subarray(0, whole.length - 9))).toMatchObject({ code: 'TRACE_GZIP_BROKEN' });
  });

  it('is refused where it is not there, or a folder', async () => {
    const open = async (path: string): Promise<string> => {
      try {
        for await (const _ of readAbiFile(path)) break;
        return '';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(await open(join(folder, 'none.ndjson'))).toBe('FILE_NOT_FOUND');
    expect(await open(folder)).toBe('FILE_UNREADABLE');
  });
});
