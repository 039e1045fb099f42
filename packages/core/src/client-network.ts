/**
 * Whom an address stands for. An IPv4 address is one client, or a few behind one; of IPv6 a client
 * has a whole network (RFC 6177: a site gets /56 or /48, and a host a /64 at least), and may come
 * from another of its addresses at every request.
 */
import { isIPv6 } from 'node:net';

const MAPPED = '::ffff:';
/** `192.0.2.7:4711`, `[2001:db8::7]:4711`, and the latter without a port. */
const PORTED = /^(?:(\d+(?:\.\d+){3}):\d+|\[([^\]]*)\](?::\d+)?)$/;

/**
 * The network by which a client is counted: an IPv4 address as it is, also where it comes mapped
 * into IPv6 (RFC 4291 §2.5.5.2), both without a port; of an IPv6 address its first bits, such as `2001:db8:0:100::/56`.
 * What is no address comes back unchanged.
 * @param prefixBits of an IPv6 address that count, from 1 to 128
 */
export function clientNetwork(address: string, prefixBits: number): string {
  if (!address.includes(':')) return address;
  // Some proxies write the port as well, which is another one for each connection.
  const ported = PORTED.exec(address);
  if (ported !== null) return clientNetwork((ported[1] ?? ported[2])!, prefixBits);
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  if (!isIPv6(bare)) return address;
  const groups = groupsOf(bare);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  const kept = groups.map((group, at) => {
    const bits = Math.min(16, Math.max(0, prefixBits - at * 16));
    return group & ((0xffff << (16 - bits)) & 0xffff);
  });
  let end = kept.length;
  while (end > 0 && kept[end - 1] === 0) end--;
  const text = kept
    .slice(0, end)
    .map((group) => group.toString(16))
    .join(':');
  return `${text}${end === kept.length ? '' : '::'}/${prefixBits}`;
}

/** The eight groups of an IPv6 address that is one. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::', 2);
  const before = groupsIn(head);
  if (tail === undefined) return before;
  const after = groupsIn(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number) as [number, number, number, number];
    return [(a << 8) | b, (c << 8) | d];
  });
}
