import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { withoutChromium } from '../library/chromium.ts';
import { madeLog, type MadeLog } from './support/logs.ts';
import { endOf, Inspector, OpenPage, until } from './support/pages.ts';

/** A process of 64K pages on native tables, one of 4K, files; and one that loses its native table for a while. */
const LOGS = ['proposal-64k', 'live-fallback-two-cpus'] as const;

let logs: MadeLog[] = [];
let inspector: Inspector;
let open: OpenPage;

beforeAll(async () => {
  if (withoutChromium) return;
  logs = LOGS.map(madeLog);
  inspector = await Inspector.over(...logs);
}, 120_000);

afterAll(async () => inspector?.close());

afterEach(async () => {
  if (withoutChromium) return;
  await endOf(open);
});

/** Opens at a place of the second log, which is small. */
async function openAt(place: string): Promise<OpenPage> {
  open = await inspector.open(`run=B&${place}`);
  return open;
}

describe.skipIf(withoutChromium)('looking at an event', () => {
  it('a value leads to its last change, and that to its cause', async () => {
    const { page } = await openAt('seq=2792&actor=mmu:1');
    await open.untilState(2792);
    const fallback = page
      .getByRole('treeitem')
      .filter({ has: page.locator('.label', { hasText: /^fallback$/ }) })
      .last();
    await fallback.getByTitle('when did this last change?').first().click();
    await page.getByRole('button', { name: 'seq 2775' }).click();
    await open.untilState(2775);
    await open.untilPart('path', 'context.fallback');
    await open.picture('last-change');
    await page.getByTitle('Causes').click();
    await page.getByRole('link', { name: 'seq 2775, TTBR0_RESERVED to mmu:1' }).waitFor();
    const cause = page.getByRole('link', { name: 'seq 2616, SYSCALL to abi' });
    await cause.scrollIntoViewIfNeeded();
    await open.picture('causes');
    await cause.click();
    await open.untilPart('seq', '2616');
    await open.untilPart('actor', 'abi');
  });

  it('the tables of a process lie beside each other, until it falls back', async () => {
    const { page } = await openAt('seq=2774&actor=mmu:1&right=memory');
    await page.getByText(/native: 6 entries of 64K/).waitFor();
    expect(await page.locator('.tables tbody tr').count()).toBe(6);
    expect(await page.locator('.tables tbody tr').first().locator('.cells .cell').count()).toBe(16);
    await open.picture('page-tables');
    await open.press('ArrowRight');
    await page.getByText('fell back: not-consecutive at 0x200010000').waitFor();
    const torn = page.locator('.tables tr.refused');
    await torn.getByText('not-consecutive', { exact: true }).waitFor();
    expect(await torn.getByRole('rowheader').allTextContents()).toEqual(['0x200010000']);
    await open.picture('fallback-group');
  });

  it('TLBs by level, page blocks, a page cache and areas have a view each', async () => {
    const { page } = await openAt('seq=2774&actor=tlb:0&right=memory');
    await page.getByText(/L2: [\d,]+ of [\d,]+ entries/i).waitFor();
    const actor = page.getByRole('tabpanel', { name: 'Memory' }).getByRole('combobox').first();
    await actor.selectOption('zone');
    await page.getByRole('button', { name: /^page block 0,/ }).click();
    await page.getByRole('heading', { name: /^page block 0, from frame/ }).waitFor();
    await open.picture('physical');
    await actor.selectOption('file:data');
    await page.getByText(/64 of 64 pages of 4K in \d+ folios/).waitFor();
    await actor.selectOption('mm:1');
    await page.getByText(/\d+ areas, pages of 64K/).waitFor();
  });

  it('metrics are drawn over the run, and a brush on them zooms the timeline', async () => {
    const { page } = await openAt('left=metrics');
    const figure = page.locator('figure').filter({ hasText: 'page faults' });
    await figure.getByText(/at the end [1-9]/).waitFor();
    await open.picture('metrics');
    const over = figure.locator('.u-over');
    const box = await over.boundingBox();
    if (box === null) throw new Error('no curve');
    await page.mouse.move(box.x + box.width * 0.25, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await until('the timeline shows a quarter', () => Number(open.part('to')) - Number(open.part('from')) > 1000);
    expect(Number(open.part('from'))).toBeGreaterThan(1000);
  });

  it('two logs are open at once, and each keeps to its own events', async () => {
    open = await inspector.open('seq=2616&actor=mm:100');
    const { page } = open;
    await open.untilState(2616);
    const runs = page.getByRole('combobox', { name: 'run' });
    expect(await runs.locator('option').allTextContents()).toEqual([
      expect.stringContaining('A: proposal-64k'),
      expect.stringContaining('B: live-fallback-two-cpus (5,586 events)'),
    ]);
    await runs.selectOption('B');
    await open.untilPart('run', 'B');
    expect(open.part('actor')).toBe(null);
    await page.locator('.events tr[aria-current=true]').getByText('SYSCALL').waitFor();
    await page.locator('.said, .events').getByText('process:1').first().waitFor();
  });

  it('in the dark, at 1280 x 720 and on a 4K screen, nothing lies outside of it', async () => {
    for (const size of [
      { width: 1280, height: 720 },
      { width: 3840, height: 2160 },
    ]) {
      open = await inspector.open('seq=4000&actor=mm:100&left=causes', { size, dark: true });
      await open.untilState(4000);
      const beyond = await open.page.evaluate('document.documentElement.scrollWidth > innerWidth');
      expect(beyond, `${size.width} wide`).toBe(false);
      await open.picture(`dark-${size.width}`);
      if (size.width < 2000) await open.page.close();
    }
  });
});
