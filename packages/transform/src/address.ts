/** Addresses in links: what may stand in one stays, what may not is coded. */

/** All but what RFC 3986 §2 lets stand; a percent sign stands for what is coded already. */
const FOREIGN = /[^\w\-.~:/?#[\]@!$&'()*+,;=%]+/g;

/** A whole address. What is coded in it stays coded, once: `%2F` in a cursor is no slash. */
export function codedAddress(address: string): string {
  return address.replaceAll(FOREIGN, codedPart);
}

/** Text that becomes a part of an address. Half a surrogate pair, which has no code, becomes U+FFFD. */
export function codedPart(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
