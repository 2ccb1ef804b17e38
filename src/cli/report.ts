/** `granule report`: a page, Markdown or plain text of scenarios and logs, with the event behind every sentence. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { GranuleError } from '../errors.ts';
import { formatBytes, formatCount } from '../report/format.ts';
import { htmlReport } from '../scenarios/report/html.ts';
import { logSection } from '../scenarios/report/logSection.node.ts';
import { markdownReport } from '../scenarios/report/markdown.ts';
import { type ReportSection, sectionOf } from '../scenarios/report/section.ts';
import { textReport } from '../scenarios/report/text.ts';
import { readVerdicts, verdictPath } from '../scenarios/verdictFile.node.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { type Cli, collect } from './cli.ts';
import { openLog, TRACES_HELP, tracesOf, USES_HELP } from './openLog.ts';

interface ReportOptions {
  html?: string;
  markdown?: boolean;
  text?: boolean;
  traces?: string;
  uses: string[];
  json?: boolean;
}

const EXAMPLES = `
Examples:
  granule scenarios S-36 --out pingpong && granule report pingpong --html pingpong.html
  granule report granule-scenarios --text > mail.txt
  granule report mixed-page-sizes.glog --html run.html
  granule report pingpong mixed-page-sizes.glog --markdown

RUN is a folder that "granule scenarios --out DIR" filled, or a log. The page is one file that loads nothing; plain text has 72 columns.
Every sentence has the command that opens the event behind it: "granule debug LOG --at SEQ".`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addReport(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addReport(program: Command, cli: Cli): void {
  program
    .command('report')
    .description('a page, Markdown or plain text of scenarios and logs, with the event behind every sentence')
    .argument('<RUN...>', 'folders of "granule scenarios", or logs')
    .option('--html <FILE>', 'write one HTML file')
    .option('--markdown', 'print Markdown')
    .option(
      '--text',
      'print plain text for a mail, 72 columns wide (what is printed unless something else is asked for)',
    )
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action((runs: string[], options: ReportOptions) => report(cli, runs, options));
}

async function sectionsOf(cli: Cli, run: string, options: ReportOptions): Promise<ReportSection[]> {
  const path = cli.path(run);
  if (!existsSync(path)) throw new GranuleError('FILE_NOT_FOUND', 'there is no folder or log of that name', run);
  if (statSync(path).isDirectory()) return readVerdicts(path).map(sectionOf);
  if (path === verdictPath(join(path, '..'))) return readVerdicts(join(path, '..')).map(sectionOf);
  const reader = await openLog(cli, run, options.uses);
  return [logSection(run, reader, tracesOf(cli, reader, options.traces))];
}

async function report(cli: Cli, runs: readonly string[], options: ReportOptions): Promise<void> {
  const sections: ReportSection[] = [];
  for (const run of runs) sections.push(...(await sectionsOf(cli, run, options)));
  if (sections.length === 0) throw new GranuleError('REPORT_NOTHING', 'no scenario was run', runs.join(', '));
  if (options.html !== undefined) {
    const bytes = new TextEncoder().encode(htmlReport(sections));
    writeWhole(cli.path(options.html), bytes);
    cli.note(`${options.html}: ${formatCount(sections.length)} sections, ${formatBytes(bytes.length)}`);
  }
  if (options.json === true) cli.json(sections);
  else if (options.markdown === true) cli.out.write(markdownReport(sections));
  else if (options.text === true || options.html === undefined) cli.out.write(textReport(sections));
}
