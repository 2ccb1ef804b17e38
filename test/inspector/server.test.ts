import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unpackWire } from '../../src/inspector/engine/wireForm.ts';
import { withoutChromium } from '../library/chromium.ts';
import { type MadeLog, madeLog } from './support/logs.ts';
import { Inspector } from './support/pages.ts';

let inspector: Inspector;
let log: MadeLog;

beforeAll(async () => {
  log = madeLog('gup-vs-fork');
  if (!withoutChromium) inspector = await Inspector.over(log);
}, 120_000);

afterAll(async () => inspector?.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Asks the server without a browser, which would not send such headers. */
async function asked(
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(inspector.url);
  return new Promise((resolve, reject) => {
    const question = request({ hostname, port, path, method, headers }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    question.on('error', reject);
    question.end(body);
  });
}

const tokenPath = (): string => new URL(inspector.url).pathname;

describe.skipIf(withoutChromium)('the server of the inspector', () => {
  it('listens on this machine alone, under a token of 128 bits', () => {
    expect(inspector.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
  });

  it('knows nobody who does not know the token', async () => {
    expect((await asked('/')).status).toBe(404);
    expect((await asked(`/${'0'.repeat(32)}/`)).status).toBe(404);
    expect((await asked(`/${'0'.repeat(32)}/ask/runs`, { method: 'POST', body: '{}' })).status).toBe(404);
    expect((await asked(tokenPath().slice(0, -1))).status).toBe(404);
    expect((await asked(tokenPath())).status).toBe(200);
  });

  it('refuses pages of another origin, and names of other hosts that lead here', async () => {
    const path = `${tokenPath()}ask/runs`;
    const { host } = new URL(inspector.url);
    const post = { method: 'POST', body: '{}' };
    for (const origin of ['http://evil.example', 'null', `https://${host}`, 'http://127.0.0.1:1']) {
      expect((await asked(path, { ...post, headers: { origin } })).status, origin).toBe(403);
    }
    for (const foreign of ['evil.example', `evil.example:${new URL(inspector.url).port}`, '127.0.0.1:1']) {
      expect((await asked(path, { ...post, headers: { host: foreign } })).status, foreign).toBe(403);
    }
    expect((await asked(path, { ...post, headers: { origin: `http://${host}` } })).status).toBe(200);
  });

  it('lets the page load nothing from elsewhere, and nobody frame it or learn its address', async () => {
    for (const file of ['', 'app.js', 'style.css']) {
      const { headers } = await asked(`${tokenPath()}${file}`);
      const policy = String(headers['content-security-policy']);
      for (const part of ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
        expect(policy).toContain(part);
      }
      expect(policy).not.toMatch(/https?:|\*|unsafe-eval|script-src [^;]*unsafe-inline/);
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['cache-control']).toBe('no-store');
    }
  });

  it('gives no other file, and answers a bad question with a typed error', async () => {
    for (const file of ['../package.json', '..%2fpackage.json', 'main.tsx', 'ask/runs']) {
      expect((await asked(`${tokenPath()}${file}`)).status, file).toBe(404);
    }
    const bad = async (name: string, body: string): Promise<unknown> => {
      const { status, body: bytes } = await asked(`${tokenPath()}ask/${name}`, { method: 'POST', body });
      expect(status).toBe(422);
      return unpackWire(bytes);
    };
    expect(await bad('nothing', '{}')).toMatchObject({ code: 'USAGE' });
    expect(await bad('constructor', '{}')).toMatchObject({ code: 'USAGE' });
    expect(await bad('event', '{"run":"Z","seq":0}')).toMatchObject({ code: 'USAGE', next: 'Open its log.' });
    expect(await bad('event', '{"run":"A","seq":1e9}')).toMatchObject({ code: 'SEQ_OUT_OF_RANGE' });
    expect(await bad('event', `"${'x'.repeat((1 << 20) + 1)}"`)).toMatchObject({ code: 'USAGE' });
  });

  it('fetches nothing but its own files and answers, whatever is opened', async () => {
    const open = await inspector.open('seq=200&actor=mm:1');
    await open.untilState(200);
    for (const key of '123456789') await open.press(key);
    await open.page
      .getByRole('tab', { name: 'Memory', selected: true })
      .or(open.page.getByRole('tab').last())
      .first()
      .waitFor();
    expect(open.elsewhere).toEqual([]);
    const csp = await open.page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'fetched', () => 'refused')");
    expect(csp).toBe('refused');
    await open.page.close();
  });
});
