import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { notesExtra, notesPath } from '../../src/inspector/notes.node.ts';
import { withoutChromium } from '../library/chromium.ts';
import { engineOver, filed, madeLog } from './support/logs.ts';
import { endOf, Inspector, OpenPage, until } from './support/pages.ts';

let folder = '';
let path = '';
let inspector: Inspector;
let open: OpenPage;
/** Errors on the console that a test brings about. */
let expected: RegExp | null = null;

beforeAll(async () => {
  if (withoutChromium) return;
  folder = mkdtempSync(join(tmpdir(), 'granule-panels-'));
  const log = filed(madeLog('live-fallback-two-cpus'), folder);
  const noted = { path: log.path, headHash: log.reader.headHash };
  path = log.path;
  inspector = await Inspector.serving({
    engine: engineOver(log).engine,
    extra: notesExtra((run) => (run === 'A' ? noted : null)),
  });
}, 120_000);

afterAll(async () => {
  await inspector?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

afterEach(async () => {
  if (withoutChromium) return;
  await endOf(open, expected);
  expected = null;
});

describe.skipIf(withoutChromium)('the topology at a moment', () => {
  it('is drawn with every actor, and marks the message that has just arrived', async () => {
    open = await inspector.open('seq=2775&left=topology');
    await open.page.getByLabel('each actor by itself').check();
    const graph = open.page.getByRole('group', { name: '15 actors or kinds of actors, and 34 links' });
    await graph.getByRole('button', { name: 'mmu:1, has just received TTBR0_RESERVED' }).waitFor();
    expect(await graph.locator('.node').count()).toBe(15);
    expect(await graph.locator('.link').count()).toBe(34);
    expect(await graph.locator('.link.arrived, .node.arrived').count()).toBe(2);
    expect(await graph.locator('.flying').count()).toBeGreaterThan(0);
    await open.picture('topology-apart');
    await open.page.getByTitle('one event on (→)').click();
    await graph.getByRole('button', { name: 'tlb:0, has just received TTBR0_INSTALL' }).waitFor();
  });

  it('lists what is on its way, and each message leads to its arrival', async () => {
    open = await inspector.open('seq=2775&left=topology');
    const waiting = open.page.getByRole('region', { name: 'messages on their way' });
    await waiting.getByRole('heading', { name: '6 on their way' }).waitFor();
    await open.page.getByRole('group', { name: /^9 actors or kinds/ }).waitFor();
    await open.picture('topology');
    await waiting.getByRole('button', { name: 'seq 2779' }).click();
    await open.untilPart('seq', '2779');
    await open.untilPart('actor', 'zone');
    await open.page.getByRole('button', { name: 'zone, chosen, has just received PUT' }).waitFor();
    await open.untilState(2779);
  });

  it('selects the actor that is clicked, or chosen from those of a kind', async () => {
    open = await inspector.open('seq=2775&left=topology');
    await open.page.getByRole('button', { name: 'abi', exact: true }).click();
    await open.untilPart('actor', 'abi');
    await open.page.getByRole('button', { name: /^tlb/ }).click();
    await open.untilPart('actor', 'tlb:0');
    await open.page.getByLabel('one of 3 tlb:').selectOption('tlb:2');
    await open.untilPart('actor', 'tlb:2');
    await open.untilState(2775);
    await open.picture('topology-kinds');
  });
});

describe.skipIf(withoutChromium)('the statechart of the selected actor', () => {
  it('marks its active states, and the transitions that the next event takes', async () => {
    open = await inspector.open('seq=2774&actor=mmu:1&right=statechart');
    await open.page.getByRole('img', { name: 'statechart of mmu:1: in native, native.reserving' }).waitFor();
    await open.press('ArrowRight');
    const chart = open.page.getByRole('img', { name: 'statechart of mmu:1: in fallback, fallback.idle' });
    await chart.waitFor();
    const active = await chart
      .locator('.state.active')
      .evaluateAll((states) => states.map((state) => state.getAttribute('data-state')));
    expect(new Set(active)).toEqual(new Set(['', 'fallback', 'fallback.idle']));
    expect(await chart.locator('.transition.taken').count()).toBeGreaterThan(0);
    await open.page.getByText(/^this event, seq 2775: TTBR0_RESERVED .*native → fallback/).waitFor();
    await open.picture('statechart');
  });

  it('says which event was the last of an actor that received none just now, and leads there', async () => {
    open = await inspector.open('seq=2775&actor=process:1&right=statechart');
    await open.page.getByText('running → in-syscall').waitFor();
    await open.page.getByRole('img', { name: /^statechart of process:1: in in-syscall, / }).waitFor();
    await open.picture('statechart-process');
    await open.page.getByRole('button', { name: '2607' }).click();
    await open.untilPart('seq', '2607');
  });
});

describe.skipIf(withoutChromium)('a search', () => {
  it('is reached by Ctrl+K, finds by a query, and leads to what it found', async () => {
    open = await inspector.open('seq=100');
    await open.press('Control+k');
    await open.untilPart('left', 'search');
    const field = open.page.getByLabel('what to look for');
    await until('the field has the focus', () => field.evaluate((input) => input.matches(':focus')));
    await open.page.keyboard.type("COPY_ON_WRITE preceded by to == 'abi' within 10 events");
    await open.press('Enter');
    await open.page.getByText('2 found').waitFor();
    expect(open.part('left')).toBe('search');
    const hits = open.page.getByRole('table', { name: 'events found' }).getByRole('row');
    expect(await hits.count()).toBe(2);
    await hits.filter({ hasText: '2620' }).click();
    await open.untilPart('seq', '2620');
    await open.untilPart('actor', 'zone');
    expect(await hits.nth(1).getAttribute('aria-current')).toBe('true');
    await open.picture('search');
  });

  it('tells the column of a query that is wrong, and what was meant', async () => {
    expected = /status of 422/;
    open = await inspector.open('left=search');
    const field = open.page.getByLabel('what to look for');
    await field.fill("to == 'mm:1' && FUALT");
    await field.press('Enter');
    const alert = open.page.getByRole('alert');
    await alert.getByText(/did you mean FAULT.*column 17/).waitFor();
    await open.picture('search-fault');
    expect(await open.page.getByText(/\d found/).count()).toBe(0);
    await field.fill("to == 'mm:1' && FAULT");
    await field.press('Enter');
    await alert.waitFor({ state: 'detached' });
    await open.page.getByText(/^\d+ found$/).waitFor();
  });
});

describe.skipIf(withoutChromium)('notes and bookmarks', () => {
  it('are written beside the log, flagged on the timeline, there after a reload, and part of a link', async () => {
    const text = 'the page is torn here';
    open = await inspector.open('seq=2775&actor=mmu:1&left=search&from=2700&to=3100');
    await until('events are drawn', async () => (await open.colouredPixels()) > 300);
    expect(await open.flagPixels('note')).toBe(0);
    const cursor = await open.flagPixels('bookmark');
    const notes = open.page.getByRole('region', { name: 'notes and bookmarks' });
    await notes.getByText(`Kept in ${notesPath(path)}.`).waitFor();
    await notes.getByLabel('note at seq 2775').fill(text);
    await notes.getByLabel('note at seq 2775').press('Enter');
    await notes.getByText(text).waitFor();
    await open.follow('seq=3000&actor=mm:1&left=search&from=2700&to=3100');
    await notes.getByLabel('note at seq 3000').fill('later');
    await notes.getByRole('button', { name: 'bookmark', exact: true }).click();
    await notes.getByRole('button', { name: 'seq 3000', exact: true }).waitFor();
    const kept = JSON.parse(readFileSync(notesPath(path), 'utf8')) as { notes: object[] };
    expect(kept.notes).toEqual([
      { id: expect.any(String) as string, kind: 'note', seq: 2775, actor: 'mmu:1', text },
      { id: expect.any(String) as string, kind: 'bookmark', seq: 3000, actor: 'mm:1', text: 'later' },
    ]);
    await open.page.reload();
    await notes.getByText(text).waitFor();
    await until('both are flagged', async () => {
      return (await open.flagPixels('note')) > 30 && (await open.flagPixels('bookmark')) > cursor + 15;
    });
    await open.picture('notes');
    await notes.getByRole('button', { name: 'put the note at seq 2775 into the link' }).click();
    await open.untilPart('note', text);
    const link = open.page.url();
    await open.page.close();
    open = await inspector.open(link.slice(link.indexOf('#') + 1));
    await open.page.getByRole('note').getByText(text).waitFor();
    await open.untilPart('seq', '2775');
  });

  it('are changed and taken away', async () => {
    open = await inspector.open('seq=40&left=search');
    const notes = open.page.getByRole('region', { name: 'notes and bookmarks' });
    const field = notes.getByRole('textbox', { name: 'note at seq 40' });
    await field.fill('first');
    await notes.getByRole('button', { name: 'note', exact: true }).click();
    await notes.getByRole('button', { name: 'change the note at seq 40' }).click();
    await field.fill('second');
    await notes.getByRole('button', { name: 'save' }).click();
    await notes.getByText('second').waitFor();
    expect(readFileSync(notesPath(path), 'utf8')).not.toContain('first');
    await notes.getByRole('button', { name: 'remove the note at seq 40' }).click();
    await notes.getByText('second').waitFor({ state: 'detached' });
    expect(readFileSync(notesPath(path), 'utf8')).not.toContain('second');
  });
});
