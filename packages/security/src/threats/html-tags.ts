/** Finds tags as the most forgiving of browsers do, and their attributes. Linear: nothing is read twice but quoted values. */

export interface Attribute {
  readonly name: string;
  readonly value: string;
  readonly at: number;
}

/** A tag, or what reads like the beginning of one. */
export interface Tag {
  /** Lower case, such as `script`, `!doctype`, `?xml`, `!--`. */
  readonly name: string;
  readonly closing: boolean;
  readonly attributes: readonly Attribute[];
  readonly at: number;
  /** Whether a `>` ends it. */
  readonly ended: boolean;
}

/** No more tags of one text than this are looked at; nobody needs so many to do harm, and they are told apart by the first. */
const MAX_TAGS = 2000;
const MAX_NESTING = 3;
const NAME = /<(\/?)\s{0,8}([a-z][^\s>/<"'=]*|!--|!\[?[a-z]*|\?[\w=-]*|%)/iy;
const ATTRIBUTE =
  /[\s/"'`]*([^\s/>=<"'`][^\s/>=<]*)(?:\s*=\s*(?:"([^"]*)("|$)|'([^']*)('|$)|`([^`]*)(`|$)|([^\s>"'`][^\s>]*)?))?/y;

/** Calls `each` for every tag. */
export function eachTag(text: string, each: (tag: Tag) => void): void {
  let left = MAX_TAGS;
  const pending: { text: string; depth: number }[] = [{ text, depth: 0 }];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    let at = part.text.indexOf('<');
    while (at !== -1 && left-- > 0) {
      NAME.lastIndex = at;
      const match = NAME.exec(part.text);
      let end = at + 1;
      if (match !== null) {
        const attributes: Attribute[] = [];
        end = readAttributes(part.text, NAME.lastIndex, attributes);
        each({
          name: match[2]!.toLowerCase(),
          closing: match[1] === '/',
          attributes,
          at,
          ended: part.text[end] === '>',
        });
        if (part.depth < MAX_NESTING) {
          for (const { value } of attributes) {
            if (value.includes('<')) pending.push({ text: value, depth: part.depth + 1 });
          }
        }
      }
      at = part.text.indexOf('<', end);
    }
  }
}

/** Reads attributes up to `>` or `<`, and says where it stopped. */
export function readAttributes(text: string, from: number, attributes: Attribute[]): number {
  let at = from;
  while (at < text.length) {
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(text);
    if (match === null) break;
    at = ATTRIBUTE.lastIndex;
    const value = match[2] ?? match[4] ?? match[6] ?? match[8] ?? '';
    attributes.push({ name: match[1]!.toLowerCase(), value, at: match.index });
  }
  while (at < text.length && text[at] !== '>' && text[at] !== '<') at++;
  return at;
}
