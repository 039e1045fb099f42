/** Addresses and networks as settings write them, and Express' proxies among them. */
import { isIP } from 'node:net';

/** Which proxies may say who the client is: none, all, a number of hops, or addresses as Express takes them. */
export type TrustProxy = boolean | number | string;

/** The forms of Express' setting that are not functions, and nothing that it would throw at. */
export function parseTrustProxy(text: string): TrustProxy | undefined {
  const word = text.toLowerCase();
  if (['true', 'yes', 'on'].includes(word)) return true;
  if (['false', 'no', 'off'].includes(word)) return false;
  if (/^\d{1,3}$/.test(word)) return Number(word);
  const members = word.split(',').map((member) => member.trim());
  return members.every(isNetwork) ? members.join(', ') : undefined;
}

/** Addresses, and networks by the length of their prefix (CIDR). */
export function parseNetworks(text: string): readonly string[] | undefined {
  const members = text.split(',').map((member) => member.trim());
  const isListed = (member: string): boolean =>
    isNetwork(member) &&
    isIP(member.split('/')[0]!) !== 0 &&
    isIP(member.split('/')[1] ?? '') === 0;
  return members.every(isListed) ? members : undefined;
}

/** An address, a subnet by its length or its mask, or one of the names that Express knows. */
function isNetwork(member: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(member)) return true;
  const [address = '', range, ...rest] = member.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (range === undefined) return true;
  if (version === 4 && isIP(range) === 4) return isMask(range);
  return (
    /^\d{1,3}$/.test(range) && Number(range) >= 1 && Number(range) <= (version === 4 ? 32 : 128)
  );
}

/** `255.255.0.0`: ones, then zeros. */
function isMask(mask: string): boolean {
  const bits = mask.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return /^1+0*$/.test(bits.join(''));
}
