/**
 * A tree as a flame graph: one SVG without scripts, styles or anything from elsewhere, which the
 * strictest content security policy lets be drawn. Widths are shares; what a box stands for is
 * its title, which viewers show under the pointer. With a second tree to compare with, colours
 * tell what has grown (red) and what has shrunk (blue).
 */
import { type CallNode, type CallTree, type CodeFrame, lastingKey } from './call-tree.ts';

const WIDTH = 1200;
const ROW = 17;
const TOP = 40;
const MARGIN = 10;
/** Boxes that are narrower could not be seen. */
const MIN_WIDTH = 0.3;
/** What a character is wide, so that names are cut where their box ends. */
const CHARACTER = 6.6;

/** A flame graph of `tree`; compared with `before` where there is one, by shares of each whole. */
export function flameGraph(tree: CallTree, title: string, before?: CallTree): string {
  const inner = WIDTH - 2 * MARGIN;
  const boxes: string[] = [];
  let deepest = 0;

  const draw = (node: CallNode, old: CallNode | undefined, x: number, depth: number): void => {
    const width = shareOf(node, tree) * inner;
    if (width < MIN_WIDTH) return;
    deepest = Math.max(deepest, depth);
    boxes.push(box(node, old, x, width, depth));
    let at = x;
    for (const [key, child] of sorted(node)) {
      draw(child, counterpart(old, key, child), at, depth + 1);
      at += shareOf(child, tree) * inner;
    }
  };

  const box = (
    { frame, total }: CallNode,
    old: CallNode | undefined,
    x: number,
    width: number,
    depth: number,
  ): string => {
    const share = total / (tree.root.total || 1);
    const change =
      before === undefined ? undefined : share - (old?.total ?? 0) / (before.root.total || 1);
    const [cost, left, y] = [amount(total, tree), round(MARGIN + x), TOP + depth * ROW];
    const changed = change === undefined ? '' : `, ${signed(change)} points`;
    const where = frame.file === '' ? '' : ` ${frame.file}:${frame.line}`;
    const tip = `${frame.name}${where} (${percent(share)}, ${cost}${changed})`;
    const label = cut(frame.name, Math.floor((width - 4) / CHARACTER));
    return (
      `<g><title>${escapeXml(tip)}</title>` +
      `<rect x="${left}" y="${y}" width="${round(width)}" height="${ROW - 1}" rx="1" fill="${change === undefined ? warm(frame) : heat(change)}"/>` +
      (label === ''
        ? ''
        : `<text x="${round(MARGIN + x + 2)}" y="${y + 12}">${escapeXml(label)}</text>`) +
      '</g>'
    );
  };

  draw(tree.root, before?.root, 0, 0);
  const height = TOP + (deepest + 1) * ROW + MARGIN;
  return (
    `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11" fill="#222">` +
    `<rect width="100%" height="100%" fill="#fff"/>` +
    `<text x="${WIDTH / 2}" y="24" font-size="15" text-anchor="middle">${escapeXml(title)}</text>` +
    `${boxes.join('\n')}</svg>\n`
  );
}

/** Text as it may stand in XML 1.0: markup is escaped, what no document may hold becomes U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .replaceAll(FORBIDDEN, '\u{FFFD}')
    .replaceAll(/[&<>"']/g, (character: string) => `&#${character.charCodeAt(0)};`);
}

/** XML 1.0 §2.2 allows no control characters but tab and line ends, and no half of a pair. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\p{Surrogate}\u{0}-\u{8}\u{B}\u{C}\u{E}-\u{1F}\u{FFFE}\u{FFFF}]/gu;

/** Side by side by name, so that two graphs can be laid beside each other. */
function sorted({ children }: CallNode): [string, CallNode][] {
  return [...children].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** What stood in the same place before; lines may have moved. */
function counterpart(
  old: CallNode | undefined,
  key: string,
  { frame }: CallNode,
): CallNode | undefined {
  if (old === undefined) return undefined;
  const lasting = lastingKey(frame);
  return (
    old.children.get(key) ??
    [...old.children.values()].find((child) => lastingKey(child.frame) === lasting)
  );
}

function shareOf({ total }: CallNode, { root }: CallTree): number {
  return root.total === 0 ? Number(total === 0) : total / root.total;
}

/** A colour of a fire, the same for the same name. */
function warm({ name, file }: CodeFrame): string {
  if (file === '') return '#ddd';
  let hash = 0;
  for (let at = 0; at < name.length; at++) hash = (hash * 31 + name.charCodeAt(at)) >>> 0;
  return `hsl(${hash % 50},90%,${60 + ((hash >>> 8) % 15)}%)`;
}

/** White for what has not changed; the whole colour for a change of ten points and more. */
function heat(change: number): string {
  const pale = Math.round(100 - Math.min(1, Math.abs(change) * 10) * 45);
  return pale > 99 ? '#f4f4f4' : `hsl(${change > 0 ? 5 : 215},85%,${pale}%)`;
}

function amount(total: number, { kind }: CallTree): string {
  return kind === 'cpu' ? `${(total / 1000).toFixed(1)} ms` : `${Math.round(total / 1024)} KiB`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function signed(change: number): string {
  return `${change >= 0 ? '+' : '−'}${(Math.abs(change) * 100).toFixed(2)}`;
}

function cut(name: string, characters: number): string {
  if (characters < 3) return '';
  return name.length <= characters ? name : `${name.slice(0, characters - 1)}…`;
}

function round(length: number): number {
  return Math.round(length * 100) / 100;
}
