/**
 * A name as it is searched and sorted by: `São Paulo` becomes `sao paulo`. What people
 * type and what the table holds go through this one function.
 */
export function searchName(name: string): string {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[łøđðþßæœı]/g, (letter) => PLAIN[letter] ?? letter)
    .trim();
}

/** Letters that Unicode does not take apart. */
const PLAIN: Readonly<Record<string, string>> = Object.freeze({
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
});
