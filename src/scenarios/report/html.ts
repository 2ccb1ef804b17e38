/** A report as one HTML file: no network, light and dark, and the command behind every sentence. */
import type { Claim } from '../judge.ts';
import { figureText } from '../sentence.ts';
import { escapeXml as text } from '../../report/graph/svg.ts';
import { PAGE_SCRIPT, PAGE_STYLE } from './page.ts';
import { type ReportSection, verdictCounts } from './section.ts';
import { svgChart } from './svgChart.ts';

/** Events behind one sentence that are shown beside it. */
const EVENTS_SHOWN = 3;

function slug(verdict: string): string {
  return verdict.replaceAll(' ', '-');
}

function badge(verdict: string): string {
  return `<span class="badge ${slug(verdict)}">${text(verdict)}</span>`;
}

/** What stands behind a sentence: each a command that is copied by a click, and a link where an inspector serves. */
function evidence({ evidence: found }: Claim): string {
  return found
    .slice(0, EVENTS_SHOWN)
    .map(({ log, seq, command }) => {
      const name =
        log === null || seq === null ? text(command) : `${text(log.replace(/^logs\/|\.glog$/g, ''))} @${seq}`;
      const place = seq === null ? '' : ` data-seq="${seq}" data-log="${text(log ?? '')}"`;
      return `<button class="event" type="button" data-command="${text(command)}"${place} title="${text(command)}">${name}</button>`;
    })
    .join(' ');
}

function sentence(claim: Claim): string {
  return `${text(claim.text)} <span class="events">${evidence(claim)}</span>`;
}

function answersOf({ answers }: ReportSection): string {
  if (answers.length === 0) return '';
  const rows = answers.map(
    ({ name, mark, claim }) =>
      `<tr><th scope="row">${text(name)}</th><td>${text(mark)}</td><td>${sentence(claim)}</td></tr>`,
  );
  const head = '<thead><tr><th>alternative</th><th></th><th>by these figures</th></tr></thead>';
  return `<table class="answers">${head}<tbody>${rows.join('')}</tbody></table>`;
}

function figuresOf({ figures }: ReportSection): string {
  if (figures.length === 0) return '';
  const rows = figures.map(({ name, value, evidence: found }) => {
    const shown = evidence({ text: '', evidence: found.slice(0, 1) });
    return `<tr><td><code>${text(name)}</code></td><td class="number">${text(figureText(value))}</td><td>${shown}</td></tr>`;
  });
  const head = '<thead><tr><th>figure</th><th class="number">value</th><th>shown by</th></tr></thead>';
  const table = `<table>${head}<tbody>${rows.join('')}</tbody></table>`;
  return `<details><summary>${figures.length} figures</summary>${table}</details>`;
}

function sectionHtml(section: ReportSection): string {
  const { id, title, verdict, expected, lead, claims, notes, charts } = section;
  const changed = expected === null ? '' : ` <em>expected: ${text(expected)}</em>`;
  const list = claims.map((claim) => `<li>${sentence(claim)}</li>`).join('');
  const figure = charts
    .map((chart) => `<figure><figcaption>${text(chart.title)}</figcaption>${svgChart(chart)}</figure>`)
    .join('');
  return (
    `<section id="${text(id)}"><h2><a href="#${text(id)}">${text(id)}</a> ${text(title)}</h2>` +
    `<p class="lead">${verdict === null ? '' : badge(verdict)}${changed} ${sentence(lead)}</p>` +
    `${list === '' ? '' : `<ul>${list}</ul>`}${figure}${answersOf(section)}${figuresOf(section)}` +
    `${notes.map((note) => `<p class="note">${text(note)}</p>`).join('')}</section>`
  );
}

function overview(sections: readonly ReportSection[]): string {
  const counts = verdictCounts(sections)
    .map(({ verdict, count }) => `<li>${badge(verdict)} ${count}</li>`)
    .join('');
  const rows = sections.map(
    ({ id, title, verdict }) =>
      `<tr><td><a href="#${text(id)}">${text(id)}</a></td><td>${verdict === null ? '' : badge(verdict)}</td><td>${text(title)}</td></tr>`,
  );
  return `<ul class="counts">${counts}</ul><table class="overview"><tbody>${rows.join('')}</tbody></table>`;
}

/**
 * The whole report as one page.
 *
 * @example
 * ```ts
 * htmlReport([]).startsWith('<!doctype html>'); // true
 * ```
 */
export function htmlReport(sections: readonly ReportSection[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Granule: report</title><style>${PAGE_STYLE}</style></head>
<body><header><h1>Granule: report</h1>
<p>Behind each sentence are the events that it rests on. A click copies the command that opens one, to be given in the folder of the
scenarios. Where <code>granule inspect LOG --no-browser</code> serves that log, its address makes links of them:
<input id="address" type="url" aria-label="address of the inspector" placeholder="http://127.0.0.1:..."></p>
${overview(sections)}</header>
<main>${sections.map(sectionHtml).join('\n')}</main>
<p id="said" role="status"></p><script>${PAGE_SCRIPT}</script></body></html>
`;
}
