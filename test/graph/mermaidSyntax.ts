/** What Mermaid takes of flowcharts and state diagrams, as far as granule writes them; held against Mermaid 11 itself. */

/** A text between quotes: the characters that would end it or begin a tag are written as entities. */
const TEXT = String.raw`"(?:[^"<#]|<br\/>|#(?:\d+|\w+);)*"`;
const FLOW_LINES: readonly RegExp[] = [
  new RegExp(String.raw`^(?<declared>n\d+)(?:\(\[${TEXT}\]\)|\[\[${TEXT}\]\]|\[${TEXT}\]):::(?<style>[a-z]+)$`),
  new RegExp(String.raw`^(?<from>n\d+) (?:-->|-\.->)\|${TEXT}\| (?<to>n\d+)$`),
  /^classDef (?<styled>[a-z]+) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6}(?:,stroke-width:2px)?,color:#1a1a1a$/,
];

const NAME = '[A-Za-z0-9_]+';
/** Colons and semicolons end a label; entities stand in their place. */
const LABEL = String.raw`(?:[^:;#"]|#\d+;)+`;
const STATE_LINES: readonly RegExp[] = [
  new RegExp(String.raw`^\[\*\] --> (?<to>${NAME})$`),
  new RegExp(String.raw`^(?<from>${NAME}) --> \[\*\]$`),
  new RegExp(String.raw`^(?<from>${NAME}) --> (?<to>${NAME}): ${LABEL}$`),
  new RegExp(String.raw`^state (?:${TEXT} as )?(?<declared>${NAME}) \{$`),
  new RegExp(String.raw`^(?<declared>${NAME}): ${LABEL}$`),
  /^\}$/,
  /^--$/,
];

interface Read {
  readonly faults: string[];
  readonly used: Set<string>;
  readonly declared: Set<string>;
}

function read(lines: readonly string[], grammar: readonly RegExp[]): Read {
  const found: Read = { faults: [], used: new Set(), declared: new Set() };
  for (const line of lines) {
    const match = grammar.map((form) => form.exec(line.trim())).find((result) => result !== null);
    if (match === undefined || match === null) found.faults.push(line);
    const { declared, styled, style, from, to } = match?.groups ?? {};
    for (const name of [declared, styled]) if (name !== undefined) found.declared.add(name);
    for (const name of [style, from, to]) if (name !== undefined) found.used.add(name);
  }
  return found;
}

function undeclared({ used, declared }: Read): string[] {
  return [...used].filter((name) => !declared.has(name)).map((name) => `${name} is used and not declared`);
}

/** What is wrong with a flowchart: lines that are none, and names that stand for nothing. */
export function flowchartFaults(text: string): string[] {
  const [fence, title, end, head, ...lines] = text.trimEnd().split('\n');
  const found = read(lines, FLOW_LINES);
  const heads = [fence === '---', (title ?? '').startsWith('title: "'), end === '---', head === 'flowchart TB'];
  return [...(heads.every(Boolean) ? [] : ['its head']), ...found.faults, ...undeclared(found)];
}

/** What is wrong with a state diagram. */
export function stateDiagramFaults(text: string): string[] {
  const [head, ...lines] = text.trimEnd().split('\n');
  const faults: string[] = head === 'stateDiagram-v2' ? [] : ['its head'];
  const body: string[] = [];
  let note = false;
  let depth = 0;
  for (const line of lines) {
    const begins = /^ {2}note right of [A-Za-z0-9_]+$/.test(line);
    if (begins) note = true;
    else if (line === '  end note') note = false;
    else if (!note) body.push(line);
    else if (/[:;]/.test(line.trim().replaceAll(/#\d+;/g, '').replace(/:$/, ''))) faults.push(line);
    depth += line.endsWith('{') ? 1 : line.trim() === '}' ? -1 : 0;
    if (depth < 0) faults.push('a brace too many');
  }
  const found = read(body, STATE_LINES);
  const open = [...(note ? ['a note without end'] : []), ...(depth > 0 ? ['an open brace'] : [])];
  return [...faults, ...found.faults, ...open, ...undeclared(found)];
}
