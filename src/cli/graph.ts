/** `granule graph`: draws the actors of a topology or of a log, and the statecharts of its machines. */
import { existsSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { type Command, Option } from 'commander';
import { GranuleError } from '../errors.ts';
import { type ActorGraph, type Folding, actorGraph } from '../report/graph/actorGraph.ts';
import { dotOfChart, dotOfGraph } from '../report/graph/dot.ts';
import { logGraph } from '../report/graph/logGraph.ts';
import { mermaidOfChart, mermaidOfGraph } from '../report/graph/mermaid.ts';
import type { Statechart } from '../report/graph/statechart.ts';
import { svgOfCharts } from '../report/graph/svgChart.ts';
import { svgOfGraph } from '../report/graph/svgGraph.ts';
import { writeWhole } from '../sweep/wholeFile.node.ts';
import { buildTopology } from '../topology/build.ts';
import { builtIns, type Catalogue, catalogueOfRegistry } from '../topology/definitions/catalogue.ts';
import { loadTraces } from '../topology/load.node.ts';
import { catalogueNamed, loadSystem } from '../topology/loadSystem.node.ts';
import { openMeta } from '../topology/meta.ts';
import type { Topology } from '../topology/schema.ts';
import { type Cli, collect } from './cli.ts';
import { chartsOf, chartOfKind } from '../report/graph/kindCharts.ts';
import { openLog, TRACES_HELP, USES_HELP } from './openLog.ts';

const FORMATS = ['svg', 'mermaid', 'dot'] as const;
type Format = (typeof FORMATS)[number];

interface GraphOptions {
  of?: string[];
  format?: Format;
  out?: string;
  all?: boolean;
  actor?: string;
  traces?: string;
  uses: string[];
  json?: boolean;
}

/** What is asked for: actors, with short or with whole labels, or machines. */
type Wanted =
  | { readonly what: 'topology' | 'messages' | 'machines' }
  | { readonly what: 'machine'; readonly kind: string };

/** Nodes of a drawing beyond which nobody sees anything, and its layout takes minutes. */
const NODES_MAX = 100;
/** And of a text: the links grow with the square. */
const NODES_MAX_IN_TEXT = 1000;
/** Types that labels name of each direction where not all are asked for. */
const TYPES_NAMED = 2;

const EXAMPLES = `
Examples:
  granule graph plain-4k --out plain-4k.svg
  granule graph my-topology.json --of messages --format mermaid
  granule graph mixed-page-sizes.glog --actor mmu:200 --out mmu.svg     what it was sent, and what it sent
  granule graph --of machine zone --out zone.svg
  granule graph my-topology.json --of machines --out machines.md

Without --format the ending of --out decides: .svg, .mmd or .md (Mermaid), .dot or .gv. --json prints what would be drawn.`;

/**
 * Adds the command.
 *
 * @example
 * ```ts
 * addGraph(new Command(), new Cli(textIo('/')));
 * ```
 */
export function addGraph(program: Command, cli: Cli): void {
  program
    .command('graph')
    .description('draw actors, ports and messages of a topology or a log, or statecharts')
    .argument('[FILE]', 'a topology, its name, or a .glog')
    .option('--of <WHAT...>', 'topology (default), messages (with every type), machine KIND, or machines')
    .addOption(new Option('--format <FORMAT>', 'how it is written (default: svg)').choices(FORMATS))
    .option('--out <FILE>', 'where to write it (default: standard output)')
    .option('--all', 'a node for each actor; many of one kind are one node without it')
    .option('--actor <ID>', 'only this actor, and who is linked with it')
    .option('--traces <DIR>', TRACES_HELP)
    .option('--uses <PLACE>', USES_HELP, collect, [])
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: GraphOptions) => graph(cli, file, options));
}

function usage(what: string, where: string, next?: string): never {
  throw new GranuleError('USAGE', what, where, next);
}

/** Reads `--of`; a word behind what it wants is the file. */
function wantedOf(words: readonly string[], file: string | undefined): { wanted: Wanted; file: string | undefined } {
  const [what = 'topology', ...rest] = words;
  const left = what === 'machine' ? rest.slice(1) : rest;
  if (left.length > (file === undefined ? 1 : 0)) usage(`"${left.join(' ')}" is one word too many`, '--of');
  const named = file ?? left[0];
  if (what === 'machine') {
    const [kind] = rest;
    if (kind === undefined) usage('the kind is missing', '--of machine', 'Give one, as --of machine zone.');
    return { wanted: { what, kind }, file: named };
  }
  if (what === 'topology' || what === 'messages' || what === 'machines') return { wanted: { what }, file: named };
  return usage(`"${what}" is nothing to draw`, '--of', 'Give topology, messages, machine KIND or machines.');
}

/** What was opened: the actors there are, and how to draw them. */
interface Opened {
  readonly name: string;
  readonly topology: Topology;
  readonly catalogue: Catalogue;
  readonly ids: readonly string[];
  readonly graph: (folding: Folding) => ActorGraph;
}

const TOPOLOGY_ENDING = /\.(json|ya?ml|[mc]?[jt]s)$/;

async function openFile(cli: Cli, file: string, options: GraphOptions): Promise<Opened> {
  const name = basename(file, extname(file));
  const isLog = !TOPOLOGY_ENDING.test(file) && existsSync(cli.path(file));
  if (isLog) {
    const reader = await openLog(cli, file, options.uses);
    const { topology } = openMeta(reader.meta);
    const catalogue = catalogueOfRegistry(reader.registry);
    const ids = reader.actors().map(({ id }) => id);
    return {
      name,
      topology,
      catalogue,
      ids,
      graph: (folding) => logGraph({ topology, catalogue }, reader.range(), folding),
    };
  }
  const { cwd } = cli.io;
  const { topology, catalogue } = await loadSystem(file, { cwd, uses: options.uses });
  const folders = [...(options.traces === undefined ? [] : [cli.path(options.traces)]), cwd, dirname(cli.path(file))];
  const built = buildTopology(topology, loadTraces(topology, { folders }), catalogue);
  const ids = built.actors.map(({ id }) => id);
  return { name, topology, catalogue, ids, graph: (folding) => actorGraph({ topology, catalogue, built }, folding) };
}

async function graph(cli: Cli, given: string | undefined, options: GraphOptions): Promise<void> {
  const { wanted, file } = wantedOf(options.of ?? [], given);
  const format = options.format ?? formatOf(options.out);
  const opened = file === undefined ? null : await openFile(cli, file, options);
  if (wanted.what === 'machine' || wanted.what === 'machines') {
    const charts = await wantedCharts(cli, opened, wanted, options.uses);
    if (options.json === true) cli.json(charts);
    else put(cli, options, chartsText(charts, format, opened?.name ?? 'granule'));
    return;
  }
  if (opened === null) usage('a topology or a log is missing', 'granule graph', 'Give a file, or --of machine KIND.');
  const most = format === 'svg' && options.json !== true ? NODES_MAX : NODES_MAX_IN_TEXT;
  if (options.all === true && options.actor === undefined) checkCount(opened.ids.length, most);
  const drawn = graphOf(opened, options);
  if (options.json === true) {
    cli.json(drawn);
    return;
  }
  checkCount(drawn.nodes.length, most);
  put(cli, options, graphText(drawn, format, wanted.what === 'messages'));
}

function checkCount(nodes: number, most: number): void {
  if (nodes <= most) return;
  const next =
    most === NODES_MAX
      ? 'Leave out --all, give --actor ID, or take --format dot or mermaid.'
      : 'Leave out --all, or give --actor ID.';
  usage(`${nodes} nodes are more than the ${most} that one drawing can have`, '--all', next);
}

function graphOf({ ids, graph: make }: Opened, { all = false, actor }: GraphOptions): ActorGraph {
  if (actor !== undefined && !ids.includes(actor)) {
    const kind = actor.split(':', 1)[0];
    const near = ids.filter((id) => id.split(':', 1)[0] === kind);
    const known = near.length === 0 ? ids : near;
    const list = `${known.slice(0, 5).join(', ')}${known.length > 5 ? ', and others' : ''}`;
    throw new GranuleError('ACTOR_UNKNOWN', `there is no actor ${actor}`, `there are ${list}`);
  }
  return make({ all, ...(actor === undefined ? {} : { actor }) });
}

async function wantedCharts(
  cli: Cli,
  opened: Opened | null,
  wanted: Wanted,
  uses: readonly string[],
): Promise<Statechart[]> {
  const { cwd } = cli.io;
  const catalogue = opened?.catalogue ?? (uses.length === 0 ? builtIns : await catalogueNamed([], [], { cwd, uses }));
  if (wanted.what === 'machine') return [chartOfKind(catalogue, wanted.kind)];
  return chartsOf(catalogue, opened);
}

function formatOf(out: string | undefined): Format {
  if (out === undefined) return 'svg';
  const ending = extname(out);
  if (ending === '.mmd' || ending === '.md' || ending === '.mermaid') return 'mermaid';
  return ending === '.dot' || ending === '.gv' ? 'dot' : 'svg';
}

function graphText(drawn: ActorGraph, format: Format, whole: boolean): string {
  if (format === 'svg') return svgOfGraph(drawn, { whole });
  const most = whole ? Number.POSITIVE_INFINITY : TYPES_NAMED;
  return format === 'dot' ? dotOfGraph(drawn, most) : mermaidOfGraph(drawn, most);
}

/** Mermaid has one diagram a file: several come as a document with one below the other. */
function chartsText(charts: readonly Statechart[], format: Format, name: string): string {
  const [first, second] = charts;
  if (format === 'svg')
    return svgOfCharts(charts, second === undefined ? (first?.title ?? name) : `machines of ${name}`);
  if (format === 'dot') return charts.map(dotOfChart).join('\n');
  if (second === undefined) return first === undefined ? '' : mermaidOfChart(first, 'full');
  const fenced = charts.map((chart) => `## ${chart.title}\n\n\`\`\`mermaid\n${mermaidOfChart(chart, 'full')}\`\`\`\n`);
  return fenced.join('\n');
}

function put(cli: Cli, { out }: GraphOptions, text: string): void {
  // A Mermaid diagram in a file of Markdown stands in a fence, as does each of several.
  const document = out?.endsWith('.md') === true && !text.startsWith('#');
  const whole = document ? `\`\`\`mermaid\n${text}\`\`\`\n` : text;
  if (out === undefined || out === '-') {
    cli.out.write(whole);
    return;
  }
  writeWhole(cli.path(out), new TextEncoder().encode(whole));
  cli.note(`${out}: ${whole.length < 1024 ? `${whole.length} B` : `${Math.round(whole.length / 1024)} KiB`}`);
}
