import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/inspector/engine/engine.ts';
import { withoutChromium } from '../library/chromium.ts';
import { engineOver, filed, madeLog } from './support/logs.ts';
import { endOf, Inspector, OpenPage, until } from './support/pages.ts';

let inspector: Inspector;
let engine: Engine;
let open: OpenPage;
/** Errors on the console that a test brings about. */
let expected: RegExp | null = null;

afterEach(async () => {
  if (withoutChromium) return;
  await endOf(open, expected);
  expected = null;
});

/** The form that a fork is put together in. */
function form(): ReturnType<OpenPage['page']['getByRole']> {
  return open.page.getByRole('form', { name: 'fork' });
}

async function fork(afterSeq: string): Promise<void> {
  await form()
    .getByRole('button', { name: `fork from here: after seq ${afterSeq}` })
    .click();
}

/** The place where two runs part, as the panel tells it. */
function difference(): ReturnType<OpenPage['page']['getByRole']> {
  return open.page.getByRole('region', { name: 'first difference' });
}

/** Where the other run is. */
async function untilOther(run: string, seq: number): Promise<void> {
  const field = open.page.getByLabel(`seq of run ${run}`);
  await until(`run ${run} is at ${seq}`, async () => (await field.inputValue()) === String(seq));
}

describe.skipIf(withoutChromium)('a fork made in the page', () => {
  beforeAll(async () => {
    if (withoutChromium) return;
    ({ engine } = engineOver(madeLog('live-fallback-two-cpus')));
    inspector = await Inspector.serving({ engine });
  }, 120_000);

  afterAll(async () => inspector?.close());

  it('in which a message never comes opens as run B, with a timeline and a state beside those of its parent', async () => {
    open = await inspector.open('seq=2775&actor=zone&right=compare');
    await form().getByLabel('what shall be otherwise').selectOption('drop');
    await form().getByLabel('which message').selectOption('2779');
    await open.picture('fork-form');
    await fork('2,775');
    await open.untilPart('other', 'B');
    await open.page.getByRole('img', { name: 'events of each actor in run B' }).waitFor();
    await until('both timelines have events', async () => {
      return (await open.colouredPixels()) > 500 && (await open.colouredPixels('canvas.second')) > 500;
    });
    await open.page.getByText('after seq 2775: dropped PUT mmu:1 -> zone (event 2779 of the parent)').waitFor();
    await difference().getByRole('button', { name: 'seq 2,779' }).click();
    await open.untilPart('seq', '2779');
    expect(open.part('actor')).toBe('zone');
    await open.page.getByRole('region', { name: /^Figures that differ/ }).waitFor();
    await open.picture('compare');
    await open.press('6');
    for (const run of ['A', 'B']) await open.page.getByRole('tree', { name: `state of zone in run ${run}` }).waitFor();
    await open.page.locator('.state-columns > div:last-child .mark-inside').first().waitFor();
    await open.picture('compare-state');
  });

  it('in which a message comes later moves with its parent, to the same events at other seqs', async () => {
    open = await inspector.open('seq=2640&actor=process:3&right=compare');
    await form().getByLabel('which message').selectOption('2643');
    await form().getByLabel('by').fill('100000');
    await fork('2,640');
    await open.untilPart('other', 'C');
    await difference().getByText('seq 2,643').waitFor();
    await open.follow('seq=2653&actor=tlb:2&other=C&right=compare');
    const { seq } = engine.ask('align', { a: 'A', b: 'C', seq: 2653 });
    expect(seq).toBeGreaterThan(5000);
    await untilOther('C', seq);
    await open.page.locator('.beside-bar').getByText('tlb:2 RUN').waitFor();
    await open.press('n');
    await untilOther('C', engine.ask('align', { a: 'A', b: 'C', seq: 2654 }).seq);
    const field = open.page.getByLabel('seq of run C');
    await field.fill('5569');
    await field.press('Enter');
    const back = engine.ask('align', { a: 'C', b: 'A', seq: 5569 }).seq;
    await open.untilPart('seq', String(back));
    await open.page.getByRole('button', { name: 'one event back in run C' }).click();
    await untilOther('C', 5568);
    await open.untilPart('seq', String(engine.ask('align', { a: 'C', b: 'A', seq: 5568 }).seq));
    await open.picture('compare-moved');
  });

  it('under another policy names it, and parts where the policy first decides', async () => {
    open = await inspector.open('seq=2610&right=compare');
    await form().getByLabel('what shall be otherwise').selectOption('set');
    await form().getByLabel('which setting').fill('design.untranslatable');
    await form().getByText('now "fall-back"').waitFor();
    await form().getByLabel('its value').fill('fail');
    await form().getByRole('button', { name: 'and another change' }).click();
    await form().getByText('design.untranslatable = "fail"').waitFor();
    await fork('2,610');
    await open.untilPart('other', 'D');
    const settings = open.page.getByRole('region', { name: 'Settings' }).getByRole('row');
    await settings.filter({ hasText: 'design.untranslatable' }).getByText('fail', { exact: true }).waitFor();
    const { divergence } = engine.ask('compare', { a: 'A', b: 'D', figures: false });
    expect(divergence).not.toBe(null);
    await difference().getByRole('button').click();
    await open.untilPart('seq', String(divergence?.seq));
    await open.picture('compare-policy');
  });

  it('that cannot be made says why, and leaves the form as it was', async () => {
    expected = /status of 422/;
    open = await inspector.open('seq=2610&right=compare');
    await form().getByLabel('what shall be otherwise').selectOption('set');
    await form().getByLabel('which setting').fill('pageCash');
    await form().getByLabel('its value').fill('x');
    await fork('2,610');
    await open.page
      .getByRole('alert')
      .getByText(/there is no field "pageCash" here.*Did you mean "pageCache"/)
      .waitFor();
    expect(await form().getByLabel('which setting').inputValue()).toBe('pageCash');
  });

  it('takes another of the messages that could come next, which the list at an event shows', async () => {
    open = await inspector.open('seq=2778');
    await open.page.getByText('Other choices here').click();
    const rows = open.page.getByRole('table', { name: 'what may come next after seq 2778' }).getByRole('row');
    await rows.filter({ hasText: 'the run takes it' }).getByText('mmu:1 → zone').waitFor();
    await rows.filter({ hasText: 'tlb:1 → mmu:1' }).getByRole('button', { name: 'take it' }).click();
    await open.untilPart('other', 'E');
    await open.page.getByText('E: after seq 2778: delivered WALK tlb:1 -> mmu:1 next').waitFor();
    await difference().getByRole('button', { name: 'seq 2,779' }).waitFor();
    expect(engine.run('E').reader.read(2779)).toMatchObject({ from: 'tlb:1', to: 'mmu:1', type: 'WALK' });
    await open.picture('other-choices');
  });
});

describe.skipIf(withoutChromium)('two logs from files', () => {
  let folder = '';

  beforeAll(async () => {
    if (withoutChromium) return;
    folder = mkdtempSync(join(tmpdir(), 'granule-comparing-'));
    inspector = await Inspector.over(...['plain-4k', 'plain-64k'].map((name) => filed(madeLog(name), folder)));
  }, 120_000);

  afterAll(async () => {
    await inspector?.close();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  it('are held together: one program with pages of 4K and of 64K', async () => {
    open = await inspector.open('seq=40&actor=mm:100&right=compare');
    await open.page.getByLabel('run A beside').selectOption('B');
    await open.untilPart('other', 'B');
    await difference().getByRole('heading', { name: 'They part at seq 1 in payload.call.pageBytes of abi' }).waitFor();
    const values = difference().getByRole('row', { name: 'payload.call.pageBytes' }).getByRole('cell');
    expect(await values.allTextContents()).toEqual(['4,096', '65,536']);
    const settings = open.page.getByRole('region', { name: 'Settings' });
    await settings.getByRole('row', { name: 'kernelPageSize 4,096 65,536' }).waitFor();
    const figures = open.page.getByRole('region', { name: /^Figures that differ/ });
    await figures.getByRole('row', { name: /^run: events 13,161 8,987 −4,174 −32%/ }).waitFor();
    await open.picture('compare-sizes');
    await difference().scrollIntoViewIfNeeded();
    await difference().getByRole('button', { name: 'seq 1' }).click();
    await open.untilPart('seq', '1');
    await open.untilPart('actor', 'abi');
  });
});
