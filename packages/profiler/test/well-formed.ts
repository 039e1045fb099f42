/** Whether a text is a well-formed XML document (XML 1.0), as far as our own documents go. */

const TOKEN =
  /<\?xml [^?]*\?>|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+/gy;
const REFERENCE = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)/i;
// oxlint-disable-next-line no-control-regex
const ALLOWED = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

/** What is wrong with it; nothing where it is well-formed. */
export function faultOf(document: string): string | undefined {
  if (!ALLOWED.test(document)) return 'a character that no document may hold';
  if (REFERENCE.test(document)) return 'an ampersand that is no reference';
  const open: string[] = [];
  let roots = 0;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < document.length) {
    const from = TOKEN.lastIndex;
    const token = TOKEN.exec(document);
    if (token === null) return `no markup at ${from}: ${document.slice(from, from + 40)}`;
    const [text, closed, opened, attributes, empty] = token;
    if (closed !== undefined && open.pop() !== closed) return `</${closed}> closes something else`;
    if (opened !== undefined) {
      const names = [...attributes!.matchAll(/([\w:-]+)=/g)].map(([, name]) => name);
      if (new Set(names).size !== names.length) return `an attribute twice in <${opened}>`;
      if (open.length === 0 && roots++ > 0) return 'a second root';
      if (empty === '') open.push(opened);
    } else if (
      closed === undefined &&
      open.length === 0 &&
      text.trim() !== '' &&
      !text.startsWith('<?')
    ) {
      return 'text outside of the root';
    }
  }
  return open.length === 0 ? undefined : `<${open.at(-1)}> is not closed`;
}
