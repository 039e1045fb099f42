/** Texts and attributes of an XML document, and entities that read files or call out. */
import type { Notes } from './notes.ts';

const ENTITY =
  /<!(?:ENTITY|DOCTYPE)\b[^>]{0,300}?\b(?:SYSTEM|PUBLIC)\b|<!ENTITY\s|<(?:xi|\w{1,10}):include\b|<!ELEMENT\s/i;

/** Notes declarations and inclusions that make a parser fetch something. */
export function inspectEntities(text: string, notes: Notes): void {
  const entity = ENTITY.exec(text);
  if (entity !== null) notes.add('ssrf', 'ssrf-entity', 8, entity.index);
}

/** Calls `each` for every text, attribute and CDATA section. */
export function xmlValues(text: string, each: (value: string) => void): void {
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('<', at);
    const end = open === -1 ? text.length : open;
    const content = text.slice(at, end).trim();
    if (content !== '') each(content);
    if (open === -1) return;
    if (text.startsWith('<![CDATA[', open)) {
      const close = text.indexOf(']]>', open);
      each(text.slice(open + 9, close === -1 ? text.length : close));
      at = close === -1 ? text.length : close + 3;
      continue;
    }
    const close = text.indexOf('>', open);
    const tag = text.slice(open, close === -1 ? text.length : close);
    for (const match of tag.matchAll(/=\s{0,8}(?:"([^"]*)"|'([^']*)')/g))
      each(match[1] ?? match[2] ?? '');
    at = close === -1 ? text.length : close + 1;
  }
}
