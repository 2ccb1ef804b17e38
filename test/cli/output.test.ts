import { describe, expect, it } from 'vitest';
import { Output, wantsColours } from '../../src/cli/io.ts';
import { Progress } from '../../src/cli/progress.ts';
import { formatBytes, formatCount, formatRate, formatSeconds } from '../../src/report/format.ts';
import { formatColumns, formatTable } from '../../src/report/table.ts';
import { TextStream } from '../../src/cli/textIo.ts';
import { Workplace } from './harness.ts';

function terminal(columns?: number): TextStream {
  const stream = new TextStream();
  stream.isTTY = true;
  if (columns !== undefined) stream.columns = columns;
  return stream;
}

describe('progress', () => {
  it('is written to a terminal alone', () => {
    const pipe = new TextStream();
    new Progress(pipe).report({ done: 1, total: 2, text: 'half' });
    expect(pipe.text).toBe('');
  });

  it('is written ten times a second at most', () => {
    const stream = terminal();
    let now = 0;
    const progress = new Progress(stream, () => now);
    for (; now < 1000; now += 10) progress.report({ done: now, total: 1000, text: 'x' });
    expect(progress.shown).toBe(10);
  });

  it('rewrites one line, shows the share, and estimates what is left', () => {
    const stream = terminal();
    let now = 0;
    const progress = new Progress(stream, () => now);
    progress.report({ done: 10, total: 100, text: 'refs' });
    now = 10_000;
    progress.report({ done: 50, total: 100, text: 'refs' });
    expect(stream.text).toBe('\r\u001b[K 10 %  refs\r\u001b[K 50 %  refs, 10.0 s left');
  });

  it('is no longer than the terminal is wide, and goes away at the end', () => {
    const stream = terminal(20);
    const progress = new Progress(stream, () => 0);
    progress.report({ done: 0, text: 'x'.repeat(100) });
    progress.end();
    expect(stream.text).toBe(`\r\u001b[K${'x'.repeat(20)}\r\u001b[K`);
  });

  it('is whole on a terminal that does not know its width', () => {
    const stream = terminal(0);
    new Progress(stream, () => 0).report({ done: 0, text: 'refs' });
    expect(stream.text).toBe('\r\u001b[Krefs');
  });

  it('is a whole line now and then in a file, where a command takes hours', () => {
    const file = new TextStream();
    let now = 0;
    const progress = new Progress(file, () => now, { lines: true });
    for (; now <= 60_000; now += 1000) progress.report({ done: now, total: 120_000, text: 'points' });
    progress.end();
    expect(file.text).toBe(' 25 %  points, 1 min 30 s left\n 50 %  points, 1 min 0 s left\n');
  });

  it('makes no estimate where the total is not known', () => {
    const stream = terminal();
    let now = 0;
    const progress = new Progress(stream, () => now);
    now = 5000;
    progress.report({ done: 7, text: 'lines' });
    expect(stream.text).toBe('\r\u001b[Klines');
  });
});

describe('standard output', () => {
  it('stops writing when its reader has gone, and is no failure', async () => {
    const stream = new TextStream();
    const output = new Output(stream);
    output.write('a\n');
    await output.flush();
    stream.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(output.open).toBe(false);
    output.write('b\n');
    await output.flush();
    expect(stream.text).toBe('a\n');
  });

  it('says so when it fails for another reason', async () => {
    const stream = new TextStream();
    const output = new Output(stream);
    stream.destroy(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(output.flush()).rejects.toThrow('no space');
  });
});

describe('colours', () => {
  it('are for terminals, and not where NO_COLOR says no', () => {
    expect(wantsColours(terminal(), {})).toBe(true);
    expect(wantsColours(terminal(), { NO_COLOR: '1' })).toBe(false);
    expect(wantsColours(terminal(), { NO_COLOR: '' })).toBe(true);
    expect(wantsColours(terminal(), { TERM: 'dumb' })).toBe(false);
    expect(wantsColours(new TextStream(), {})).toBe(false);
  });

  it('never reach a pipe', async () => {
    const place = new Workplace();
    for (const args of [['--help'], ['run', '--list'], ['nothing']]) {
      const { stdout, stderr } = await place.run(args);
      expect(stdout + stderr).not.toContain('\u001b');
    }
    place.remove();
  });
});

describe('tables', () => {
  it('align names to the left and numbers to the right', () => {
    expect(
      formatTable([
        ['name', 'count'],
        ['a', '1'],
        ['long name', '1,000'],
      ]),
    ).toBe('name       count\n---------  -----\na              1\nlong name  1,000\n');
  });

  it('fill short rows up and leave no blanks at line ends', () => {
    expect(formatTable([['a', 'b'], ['c']], { header: false, align: ['left', 'left'] })).toBe('a  b\nc\n');
  });

  it('do not count colour codes as width', () => {
    expect(
      formatTable(
        [
          ['\u001b[31mred\u001b[39m', '1'],
          ['green', '2'],
        ],
        { header: false },
      ),
    ).toBe('\u001b[31mred\u001b[39m    1\ngreen  2\n');
  });

  it('of many subjects are cut to the width', () => {
    const text = formatColumns(
      ['pid', 'faults'],
      Array.from({ length: 10 }, (_, at) => [String(at), '1000']),
      24,
    );
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(24);
    expect(text.match(/^pid/gm)).toHaveLength(4);
  });
});

describe('numbers', () => {
  it('have thousands separators', () => {
    expect([0, 999, 1000, 1234567, 1234.5].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567', '1,234.5']);
  });

  it('of bytes are in binary units', () => {
    expect([0, 1023, 1024, 1536, 2 ** 31, 123_456_789].map(formatBytes)).toEqual([
      '0 B',
      '1023 B',
      '1 KiB',
      '1.5 KiB',
      '2 GiB',
      '118 MiB',
    ]);
  });

  it('of time and rate are in the unit that fits', () => {
    expect([0.0000015, 0.25, 2, 61].map(formatSeconds)).toEqual(['1.5 us', '250 ms', '2.0 s', '1 min 1 s']);
    expect([5, 5000, 5e6, Number.POSITIVE_INFINITY].map((rate) => formatRate(rate, 'refs'))).toEqual([
      '5 refs/s',
      '5.0 k refs/s',
      '5.0 M refs/s',
      '- refs/s',
    ]);
  });
});
