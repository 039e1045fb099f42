/** How names are written. Each is converted once and remembered, as far as there is room. */

/** Converts a name. */
export type Rename = (name: string) => string;

const MAX_NAMES = 10_000;
/** Longer names are data rather than names, and not worth their place. */
const MAX_REMEMBERED_LENGTH = 100;
/** Where words begin: a capital behind a small letter or a digit, the last capital of several, a separator. */
const WORDS = /[A-Z]+(?![a-z])|[A-Z]?[a-z\d]+/g;

export function renameFor(style: 'camel' | 'snake' | 'kebab'): Rename {
  const known = new Map<string, string>();
  return (name) => {
    let converted = known.get(name);
    if (converted === undefined) {
      converted = convert(name, style);
      if (known.size < MAX_NAMES && name.length <= MAX_REMEMBERED_LENGTH)
        known.set(name, converted);
    }
    return converted;
  };
}

function convert(name: string, style: 'camel' | 'snake' | 'kebab'): string {
  // What is written in another script, or with a mark in front such as `_links`, is no name of words.
  if (!/^[A-Za-z][\w-]*$/.test(name)) return name;
  const words = name.match(WORDS) ?? [name];
  const lower = words.map((word) => word.toLowerCase());
  if (style === 'snake') return lower.join('_');
  if (style === 'kebab') return lower.join('-');
  return lower
    .map((word, at) => (at === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
}
