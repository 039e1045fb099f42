/** JSON Pointers: where a value stands in a document (RFC 6901). */

/** Half a character: JSON can bring it in a name (`"\\ud800"`), and no address can hold it. */
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A name as a token of a pointer: `~` and `/` have a meaning of their own (§3). */
export function pointerToken(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The name that a token stands for (§4). */
export function nameOfToken(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

/** A pointer as the fragment of an address, such as `#/items/0/price` (§6). */
export function pointerFragment(pointer: string): string {
  const whole = pointer.replaceAll(LONE_SURROGATE, '\ufffd');
  return `#${encodeURI(whole).replaceAll('#', '%23')}`;
}
