/** The strings of a GraphQL document: all of it that ends up anywhere but in the executor. */

const DOCUMENT = /^\s{0,64}(?:(?:query|mutation|subscription|fragment)\b[^"]{0,400}\{|\{)/;
const STRING = /"""([^"]*(?:"(?!"")[^"]*)*)"""|"((?:[^"\\\n]|\\.)*)"/g;

/** Whether a text is a GraphQL document. */
export function isGraphql(text: string): boolean {
  return DOCUMENT.test(text);
}

/** Calls `each` for every string of a document, and says how deep it nests. */
export function graphqlStrings(text: string, each: (value: string) => void): number {
  for (const match of text.matchAll(STRING)) each(match[1] ?? match[2] ?? '');
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 123) deepest = Math.max(deepest, ++depth);
    else if (code === 125) depth--;
  }
  return deepest;
}
