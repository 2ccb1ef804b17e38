/**
 * What the debugger says on golden logs, held against transcripts in files. UPDATE_TRANSCRIPTS=1 writes them anew: the commands in a
 * transcript stay, what they print is replaced.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { promptOf } from '../../src/cli/debugTerminal.ts';
import { commandGroups, lineOf } from '../../src/debugger/commands.ts';
import { GranuleError } from '../../src/errors.ts';
import type { Session } from '../../src/debugger/session.ts';
import { PROJECT } from '../cli/harness.ts';
import { debugged } from './golden.ts';

const FOLDER = join(PROJECT, 'test/debugger/transcripts');
const PROMPT = /^\((?:start|\d+)\) (.*)$/;
const FIRST = /^granule debug ([a-z0-9-]+)\.glog$/;

const names = readdirSync(FOLDER).filter((name) => name.endsWith('.txt'));
const texts = new Map(names.map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]));

/** What a line says; a mistake is told as at a terminal. */
function answer(session: Session, line: string): string {
  let text = '';
  try {
    for (const said of lineOf(session, line)) {
      if (typeof said === 'string') text += said;
      else if (said !== null) text += `[granule ${said.command} ${said.args.join(' ')}]\n`;
    }
  } catch (error) {
    if (!(error instanceof GranuleError)) throw error;
    text += `${error.format()}\n`;
  }
  return text;
}

function commandsOf(text: string): string[] {
  return text.split('\n').flatMap((line) => PROMPT.exec(line)?.[1] ?? []);
}

/** The transcript with what its commands say now. */
function redone(text: string): string {
  const [first = ''] = text.split('\n');
  const session = debugged(FIRST.exec(first)?.[1] ?? '');
  const lines = commandsOf(text).map((line) => `${promptOf(session)}${line}\n${answer(session, line)}`);
  return `${first}\n${lines.join('')}`;
}

describe('the transcripts', () => {
  it.each(names)('%s is what the debugger says', (name) => {
    const text = texts.get(name) ?? '';
    const now = redone(text);
    if (process.env['UPDATE_TRANSCRIPTS'] === '1') writeFileSync(join(FOLDER, name), now);
    else expect(now).toBe(text);
  });

  it('show every command', () => {
    const shown = new Set([...texts.values()].flatMap(commandsOf).map((line) => line.split(' ')[0]));
    const left = commandGroups
      .flatMap(({ commands }) => commands)
      .filter(({ name, aliases }) => ![name, ...aliases].some((one) => shown.has(one)));
    expect(left.map(({ name }) => name)).toEqual([]);
  });
});
