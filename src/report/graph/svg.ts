/** Writes SVG: elements, their escapes, and a document with its styles, which needs nothing else to be looked at. */
import type { Point } from './placing.ts';
import { textWidth } from './textWidth.ts';

/** Fonts of one width; the first that is there is taken. */
const FONTS = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif";

/** Size of the text of names, in pixels. */
export const NAME_SIZE = 13;
/** Of everything but names. */
export const NOTE_SIZE = 10.5;
/** From one line of notes to the next. */
export const LINE_HEIGHT = 13;

/**
 * Text that may stand in XML, in content and in attributes.
 *
 * @example
 * ```ts
 * escapeXml('a < "b" & c'); // 'a &lt; &quot;b&quot; &amp; c'
 * ```
 */
export function escapeXml(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- XML 1.0 has no place for these at all
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}

/**
 * An element.
 *
 * @example
 * ```ts
 * element('rect', { x: 1, class: 'box' }); // '<rect x="1" class="box"/>'
 * ```
 */
export function element(name: string, attributes: Readonly<Record<string, string | number>>, inside = ''): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(String(value))}"`);
  return inside === '' ? `<${name}${pairs.join('')}/>` : `<${name}${pairs.join('')}>${inside}</${name}>`;
}

/** How a line of text looks. */
export interface TextStyle {
  readonly size: number;
  readonly bold?: boolean;
  readonly anchor?: 'start' | 'middle';
  readonly class?: string;
}

/**
 * A line of text. Its length is given, so that it is as wide in any font as it was when its place was found.
 *
 * @example
 * ```ts
 * textAt('zone', { x: 0, y: 10 }, { size: 10 }).includes(' textLength="21.68" '); // true
 * ```
 */
export function textAt(
  text: string,
  { x, y }: Point,
  { size, bold = false, anchor = 'start', class: name }: TextStyle,
): string {
  const attributes = {
    x,
    y,
    'font-size': size,
    ...(bold ? { 'font-weight': 'bold' } : {}),
    ...(anchor === 'middle' ? { 'text-anchor': 'middle' } : {}),
    ...(name === undefined ? {} : { class: name }),
    textLength: textWidth(text, size, bold),
    lengthAdjust: 'spacingAndGlyphs',
  };
  return element('text', attributes, escapeXml(text));
}

const CORNER = 8;

/** The point so far from one point on the way to another, at most half of the way. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(distance / length, 0.5);
  const at = (a: number, b: number): number => Math.round((a + (b - a) * share) * 10) / 10;
  return { x: at(from.x, to.x), y: at(from.y, to.y) };
}

/**
 * A path through points with round corners.
 *
 * @example
 * ```ts
 * roundPath([{ x: 0, y: 0 }, { x: 0, y: 9 }]); // 'M0 0L0 9'
 * ```
 */
export function roundPath(points: readonly Point[]): string {
  const parts: string[] = [];
  for (const [at, point] of points.entries()) {
    const before = points[at - 1];
    const after = points[at + 1];
    if (before === undefined) parts.push(`M${point.x} ${point.y}`);
    else if (after === undefined) parts.push(`L${point.x} ${point.y}`);
    else {
      const near = towards(point, before, CORNER);
      const far = towards(point, after, CORNER);
      parts.push(`L${near.x} ${near.y}Q${point.x} ${point.y} ${far.x} ${far.y}`);
    }
  }
  return parts.join('');
}

/** Fill and line of a group of actors by day and by night: the hues of Okabe and Ito, which nearly everybody tells apart. */
const HUES: Readonly<Record<string, readonly [day: string, night: string, line: string]>> = {
  outside: ['#f2f2f2', '#2b2b2b', '#767676'],
  programs: ['#d9ecf9', '#14344a', '#0072b2'],
  spaces: ['#fdf0d0', '#453205', '#b97a00'],
  memory: ['#d3f0e6', '#053d2e', '#009e73'],
  files: ['#f6e3ee', '#45203a', '#cc79a7'],
  hardware: ['#e4f4fc', '#0d3a50', '#56b4e9'],
  own: ['#fbe3d4', '#4d2006', '#d55e00'],
  state: ['#eef4fa', '#182a38', '#0072b2'],
  region: ['none', 'none', '#767676'],
};

function styles(): string {
  const day = Object.entries(HUES).map(([name, [fill, , line]]) => `.${name}{fill:${fill};stroke:${line}}`);
  const night = Object.entries(HUES).map(([name, [, fill]]) => `.${name}{fill:${fill}}`);
  const common = [
    `text{font-family:${FONTS};fill:#1a1a1a}`,
    '.note{fill:#444}',
    '.page{fill:#fff}',
    '.line{fill:none;stroke:#666;stroke-width:1.2}',
    '.addressed{stroke-dasharray:5 3}',
    '.head,.start{fill:#666}',
    '.plate{fill:#fff;fill-opacity:.88}',
    '.double{fill:none}',
    ...day,
  ];
  const dark = [
    'text{fill:#eee}',
    '.note{fill:#c4c4c4}',
    '.page{fill:#121212}',
    '.line{stroke:#a8a8a8}',
    '.head,.start{fill:#a8a8a8}',
    '.plate{fill:#121212}',
    ...night,
  ];
  return `${common.join('')}@media (prefers-color-scheme:dark){${dark.join('')}}`;
}

const HEAD = '<path class="head" d="M0 0L8 4L0 8z"/>';

/** A drawing to be made a document of. */
export interface Drawing {
  readonly title: string;
  /** What it shows, for those who do not see it. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly content: readonly string[];
}

/**
 * A whole document. It has its own styles, no script, and no reference to anything outside.
 *
 * @example
 * ```ts
 * svgDocument({ title: 'none', description: 'nothing', width: 10, height: 10, content: [] }).startsWith('<svg '); // true
 * ```
 */
export function svgDocument({ title, description, width, height, content }: Drawing): string {
  const size = { width: Math.ceil(width), height: Math.ceil(height) };
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    ...size,
    viewBox: `0 0 ${size.width} ${size.height}`,
    role: 'img',
    'aria-labelledby': 'title description',
  };
  const marker = { markerWidth: 8, markerHeight: 8, refX: 8, refY: 4, orient: 'auto-start-reverse' };
  const head = element('marker', { id: 'head', ...marker, markerUnits: 'userSpaceOnUse' }, HEAD);
  const inside = [
    element('title', { id: 'title' }, escapeXml(title)),
    element('desc', { id: 'description' }, escapeXml(description)),
    element('style', {}, styles()),
    element('defs', {}, head),
    element('rect', { class: 'page', ...size }),
    ...content,
  ];
  return `${element('svg', attributes, `\n${inside.join('\n')}\n`)}\n`;
}
