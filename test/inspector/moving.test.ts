import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { withoutChromium } from '../library/chromium.ts';
import { madeLog } from './support/logs.ts';
import { endOf, Inspector, OpenPage, until } from './support/pages.ts';

let inspector: Inspector;
let open: OpenPage;

beforeAll(async () => {
  if (!withoutChromium) inspector = await Inspector.over(madeLog('live-fallback-two-cpus'));
}, 120_000);

afterAll(async () => inspector?.close());

afterEach(async () => {
  if (withoutChromium) return;
  await endOf(open);
});

describe.skipIf(withoutChromium)('moving about in a run', () => {
  it('opens at the first event, with the whole run drawn', async () => {
    open = await inspector.open();
    await open.page.locator('.events tbody tr').first().waitFor();
    await until('lanes are drawn', async () => (await open.colouredPixels()) > 2000);
    expect(await open.page.locator('#seq').inputValue()).toBe('0');
    await open.picture('whole-run');
  });

  it('zooms with keys, the wheel and a brush, and shows the whole again', async () => {
    open = await inspector.open('seq=2000');
    await open.press('w', 'w', 'w');
    await until('the window is an eighth', () => Number(open.part('to')) - Number(open.part('from')) < 800);
    await open.press('s');
    await until('the window is a quarter', () => Number(open.part('to')) - Number(open.part('from')) > 1200);
    await open.press('d');
    const lanes = open.page.locator('canvas.lanes');
    const box = await lanes.boundingBox();
    if (box === null) throw new Error('no lanes');
    const before = Number(open.part('to')) - Number(open.part('from'));
    await open.page.mouse.move(box.x + 700, box.y + 60);
    await open.page.mouse.wheel(0, -600);
    await until('the wheel zooms in', () => Number(open.part('to')) - Number(open.part('from')) < before * 0.7);
    const wheeled = Number(open.part('to')) - Number(open.part('from'));
    await open.page.keyboard.down('Shift');
    await open.page.mouse.move(box.x + 500, box.y + 60);
    await open.page.mouse.down();
    await open.page.mouse.move(box.x + 700, box.y + 60, { steps: 4 });
    await open.page.mouse.up();
    await open.page.keyboard.up('Shift');
    await until('the brush zooms in', () => Number(open.part('to')) - Number(open.part('from')) < wheeled * 0.3);
    await open.picture('zoomed');
    await open.press('f');
    await open.untilPart('from', null);
  });

  it('zooms to single events with their messages as arrows, and a click chooses one', async () => {
    open = await inspector.open('seq=2775&from=2760&to=2790');
    await until('events are drawn', async () => (await open.colouredPixels()) > 300);
    await open.picture('single-events');
    const lanes = open.page.locator('canvas.lanes');
    const box = await lanes.boundingBox();
    if (box === null) throw new Error('no lanes');
    const x = 170 + ((2780 - 2760) / 30) * (box.width - 170);
    await lanes.click({ position: { x, y: 18 + 4 * 15 + 7 } });
    await open.untilPart('seq', '2780');
    expect(open.part('actor')).toBe('mm:1');
  });

  it('steps on and back, in long steps, and to both ends', async () => {
    open = await inspector.open('seq=2775&actor=mmu:1');
    await open.untilState(2775);
    await open.press('ArrowLeft', 'ArrowLeft', 'ArrowLeft');
    await open.untilState(2772);
    await open.press('ArrowRight');
    await open.untilState(2773);
    await open.press('Shift+ArrowRight');
    await open.untilState(2873);
    await open.press('End');
    await open.untilState(5585);
    await open.press('Home');
    await open.untilState(0);
    await open.untilPart('seq', '0');
  });

  it('plays, faster and slower, and stands again', async () => {
    open = await inspector.open('seq=100&actor=mm:1');
    await open.untilState(100);
    await open.press(' ', '>', '>');
    const at = async (): Promise<number> => Number(await open.page.locator('#seq').inputValue());
    await until('it plays', async () => (await at()) >= 110);
    await open.press(' ');
    await open.page.getByRole('button', { name: 'play', exact: true }).waitFor();
    const stood = await at();
    await open.untilState(stood);
    expect(await at()).toBe(stood);
  });

  it('goes back to where a jump began, and forward again', async () => {
    open = await inspector.open('seq=40&actor=mm:1');
    await open.page.locator('#seq').fill('2616');
    await open.page.locator('#seq').press('Enter');
    await open.untilState(2616);
    await open.page.locator('#seq').blur();
    await open.press('[');
    await open.untilState(40);
    await open.press(']');
    await open.untilState(2616);
    await open.page.getByTitle('back to where you were').click();
    await open.untilState(40);
  });

  it('sets markers A and B and says what lies between', async () => {
    open = await inspector.open('seq=2616');
    await open.press('Shift+A', 'Shift+ArrowRight', 'Shift+B');
    await open.untilPart('b', '2716');
    expect(open.part('a')).toBe('2616');
    await open.page.getByText('A to B: 100 events').waitFor();
  });

  it('is where it was after it is loaded anew, and where the address says', async () => {
    open = await inspector.open();
    await open.page.locator('.events tbody tr').first().waitFor();
    await open.page.locator('#seq').fill('2775');
    await open.page.locator('#seq').press('Enter');
    await open.page.locator('#seq').blur();
    await open.press('4', '8', 'w', 'w');
    await open.untilPart('right', 'memory');
    await until('the window is in the address', () => open.part('from') !== null);
    const address = open.page.url();
    await open.page.reload();
    await open.page.getByRole('tab', { name: 'Causes', selected: true }).waitFor();
    await open.page.getByRole('tab', { name: 'Memory', selected: true }).waitFor();
    expect(await open.page.locator('#seq').inputValue()).toBe('2775');
    expect(open.page.url()).toBe(address);
    await open.follow('seq=12&left=events');
    await open.page.getByRole('tab', { name: 'Events', selected: true }).waitFor();
    await until(
      'the place is that of the address',
      async () => (await open.page.locator('#seq').inputValue()) === '12',
    );
  });

  it('shows every key, and needs nothing else: each control can be reached by Tab', async () => {
    open = await inspector.open('seq=2775&actor=mmu:1');
    await open.untilState(2775);
    await open.press('?');
    const help = open.page.getByRole('dialog', { name: 'keys' });
    await help.waitFor();
    expect(await help.locator('tr').count()).toBeGreaterThan(20);
    await open.picture('help');
    await open.press('Escape');
    await help.waitFor({ state: 'detached' });
    const names = await unreachable(open);
    expect(names).toEqual([]);
  });
});

/** Numbers the controls that are shown and may be reached, and comes to their names. */
const CONTROLS = `(() => {
  const found = [...document.querySelectorAll('button, input, select, a[href], summary, [tabindex]')];
  const shown = found.filter((one) => one.tabIndex >= 0 && one.getClientRects().length > 0);
  for (const [at, one] of shown.entries()) one.dataset.control = String(at);
  return shown.map((one) => one.title || one.getAttribute('aria-label') || one.textContent);
})()`;

/** Names of controls that Tab does not come to. Of a list of tabs one is enough: arrow keys lead to the others. */
async function unreachable({ page }: OpenPage): Promise<string[]> {
  const controls = await page.evaluate<string[]>(CONTROLS);
  const reached = new Set<string>();
  for (let presses = 0; presses < controls.length + 10; presses++) {
    await page.keyboard.press('Tab');
    reached.add(String(await page.evaluate("document.activeElement?.dataset.control ?? ''")));
  }
  return controls.filter((_, at) => !reached.has(String(at)));
}
