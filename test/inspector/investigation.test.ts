import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withoutChromium } from '../library/chromium.ts';
import { PROJECT_ROOT, projectFile, projectFileBytes } from '../support/tree.ts';
import { madeLog } from './support/logs.ts';
import { Inspector, OpenPage, until } from './support/pages.ts';

/** Pictures of docs/inspector.md: made here, looked at, and copied to docs/images by whoever changes the page. */
const PICTURES = ['walks', 'fell-back', 'last-change', 'tables', 'causes', 'messages'] as const;
const PICTURE_BYTES_MAX = 150_000;
const { text: document } = projectFile('docs/inspector.md');
const investigation = document.split(/^## /m).find((part) => part.startsWith('An investigation\n')) ?? '';

let inspector: Inspector;
let open: OpenPage;

beforeAll(async () => {
  if (withoutChromium) return;
  inspector = await Inspector.over(madeLog('live-fallback-two-cpus'));
  open = await inspector.open('left=metrics', { size: { width: 1080, height: 620 } });
}, 120_000);

afterAll(async () => inspector?.close());

/** What a step shows is what the document says of it. */
function said(...words: readonly string[]): void {
  for (const word of words) expect(investigation).toContain(word);
}

async function pictured(name: (typeof PICTURES)[number]): Promise<void> {
  await open.picture(`inspector-${name}`);
}

describe.skipIf(withoutChromium)('the investigation of docs/inspector.md', () => {
  it('1: table walks rise in the middle of the run, and a brush shows that part', async () => {
    const figure = open.page.locator('figure').filter({ hasText: 'table walks' });
    await figure.getByText(/at the end 74/).waitFor();
    const box = await figure.locator('.u-over').boundingBox();
    if (box === null) throw new Error('no curve');
    const x = (seq: number): number => box.x + (seq / 5585) * box.width;
    await open.page.mouse.move(x(2600), box.y + 20);
    await open.page.mouse.down();
    await open.page.mouse.move(x(3800), box.y + 20, { steps: 4 });
    await pictured('walks');
    await open.page.mouse.up();
    await until('the timeline shows that part', () => Number(open.part('to')) > 3000);
    said('table walks');
  });

  it('2: in the middle of it, the process has no native table', async () => {
    await open.page.locator('#seq').fill('3000');
    await open.page.locator('#seq').press('Enter');
    await open.page.locator('#seq').blur();
    await open.press('8');
    await open.page.getByRole('tabpanel', { name: 'Memory' }).getByRole('combobox').selectOption('mmu:1');
    await open.page.getByText('fell back: not-consecutive at 0x200010000').waitFor();
    await pictured('fell-back');
    said('fell back: not-consecutive at 0x200010000');
  });

  it('3: the value leads to the event that changed it last', async () => {
    await open.press('6');
    await open.untilState(3000);
    const label = open.page.locator('.label', { hasText: /^fallback$/ });
    const fallback = open.page.getByRole('treeitem').filter({ has: label }).last();
    await fallback.getByTitle('when did this last change?').first().click();
    const change = open.page.getByRole('button', { name: 'seq 2775' });
    await change.waitFor();
    await change.scrollIntoViewIfNeeded();
    await pictured('last-change');
    await change.click();
    await open.untilState(2775);
    said('seq 2775', 'TTBR0_RESERVED');
  });

  it('4: one event earlier all six native pages are there', async () => {
    await open.press('8', 'ArrowLeft');
    await open.page.getByText(/native: 6 entries of 64K/).waitFor();
    await pictured('tables');
    await open.press('ArrowRight');
    await open.page.getByText('no native table').waitFor();
    said('6 entries of 64K');
  });

  it('5: its causes lead to a debugger that writes eight bytes', async () => {
    await open.press('4');
    const write = open.page.getByRole('link', { name: 'seq 2616, SYSCALL to abi' });
    const copy = open.page.getByRole('link', { name: 'seq 2620, COPY_ON_WRITE to zone' });
    await write.scrollIntoViewIfNeeded();
    await copy.waitFor();
    await pictured('causes');
    await write.click();
    await open.untilPart('seq', '2616');
    await open.press('1');
    const row = open.page.locator('.events tr[aria-current=true]');
    await row.getByText(/op=ptrace request=pokedata targetPid=1 addr=0x200013008/).waitFor();
    said('seq 2616', 'pokedata', '0x200013008', 'COPY_ON_WRITE');
  });

  it('6: one entry of sixteen is set to another frame', async () => {
    await open.page.locator('.events tr').getByText('2638', { exact: true }).first().waitFor();
    await open.press('g');
    await open.page.keyboard.type('2638');
    await open.press('Enter');
    await open.page.locator('#seq').blur();
    const row = open.page.locator('.events tr[aria-current=true]');
    await row.getByText(/va=0x200013000 pfn=0x4001e nr=1/).waitFor();
    await open.follow('seq=2638&actor=mmu:1&from=2610&to=2645');
    await open.untilPart('from', '2610');
    await open.untilState(2638);
    await until('single events are drawn', async () => (await open.colouredPixels()) > 300);
    await pictured('messages');
    said('0x4001e', '0x40063');
  });

  it('7: it ends with the page itself', async () => {
    await open.press('End');
    await open.untilState(5585);
    const label = open.page.locator('.label', { hasText: /^fallback$/ });
    const fallback = open.page.getByRole('treeitem').filter({ has: label }).last();
    await fallback.getByTitle('when did this last change?').first().click();
    await open.page.getByRole('button', { name: 'why?' }).click();
    await open.untilPart('seq', '3713');
    const given = open.page.getByRole('link', { name: 'seq 3490, SYSCALL to abi' });
    await given.click();
    await open.untilPart('seq', '3490');
    await open.press('1');
    const row = open.page.locator('.events tr[aria-current=true]');
    await row.getByText(/op=madvise addr=0x200010000 lengthBytes=65536 advice=4/).waitFor();
    said('seq 3713', 'seq 3490', 'MADV_DONTNEED');
    expect(open.problems).toEqual([]);
  });
});

describe('the pictures of docs/inspector.md', () => {
  it('are those that the investigation makes, and small', () => {
    const shown = [...document.matchAll(/!\[[^\]]+\]\(images\/inspector-([\w-]+)\.png\)/g)].map(([, name]) => name);
    expect(shown.sort()).toEqual([...PICTURES].sort());
    for (const name of PICTURES) {
      const path = `docs/images/inspector-${name}.png`;
      expect(existsSync(join(PROJECT_ROOT, path)), path).toBe(true);
      expect(projectFileBytes(path), path).toBeLessThan(PICTURE_BYTES_MAX);
    }
  });
});
