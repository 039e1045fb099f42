/**
 * Addresses that make a server ask itself, its neighbours or its cloud: metadata services,
 * loopback and private networks in any notation that resolvers take, schemes other than the web's.
 */
import type { Notes } from './notes.ts';

const URL =
  /(?:^|[\s=("'<,;@])((?:[a-z][a-z\d+.-]{1,20}:)?\/\/|(?:gopher|dict|ldaps?|tftp|sftp|netdoc|jar|smb):)([^\s"'<>\\]{1,300})/gi;
const FOREIGN_SCHEME = /^(?:gopher|dict|ldaps?|tftp|netdoc|smb):/i;
const METADATA =
  /^(?:169\.254\.169\.254|metadata\.google\.internal|metadata\.azure\.\w+|metadata|100\.100\.100\.200|fd00:ec2::254|instance-data|169\.254\.170\.2|192\.0\.0\.192)$/i;
const LOOPBACK_NAME =
  /(?:^|\.)(?:localhost|localtest\.me|lvh\.me|nip\.io|sslip\.io|xip\.io|vcap\.me|spoofed\.burpcollaborator\.net|burpcollaborator\.net|oastify\.com|interact\.sh|oast\.\w+|requestbin\.\w+)$/i;

/** Notes addresses that a server should not be sent to. `odd`: their notation alone is enough. */
export function inspectSsrf(text: string, notes: Notes): void {
  let seen = 0;
  for (const match of text.matchAll(URL)) {
    if (seen++ > 50) break;
    const scheme = match[1]!;
    const alone = text.length < match[0].length + 12;
    if (FOREIGN_SCHEME.test(scheme)) {
      notes.add('ssrf', 'ssrf-scheme', alone ? 5 : 2, match.index);
      continue;
    }
    const host = hostOf(match[2]!);
    if (host === undefined) continue;
    if (METADATA.test(host)) notes.add('ssrf', 'ssrf-metadata', alone ? 6 : 3, match.index);
    else if (LOOPBACK_NAME.test(host))
      notes.add('ssrf', 'ssrf-loopback', alone ? (host === 'localhost' ? 3 : 5) : 1, match.index);
    else {
      const address = ipv4Of(host);
      if (address === undefined) continue;
      const { value, odd } = address;
      if (value === METADATA_V4) notes.add('ssrf', 'ssrf-metadata', alone ? 6 : 3, match.index);
      else if (isLocal(value))
        notes.add(
          'ssrf',
          odd ? 'ssrf-disguised' : 'ssrf-loopback',
          odd ? (alone ? 6 : 3) : alone ? 3 : 1,
          match.index,
        );
      else if (odd) notes.add('ssrf', 'ssrf-disguised', alone ? 3 : 1, match.index);
    }
  }
}

const METADATA_V4 = 0xa9fea9fe;

function hostOf(authority: string): string | undefined {
  const end = authority.search(/[/?#]/);
  const whole = end === -1 ? authority : authority.slice(0, end);
  const host = whole.slice(whole.lastIndexOf('@') + 1);
  if (host.startsWith('[')) {
    const close = host.indexOf(']');
    return close === -1 ? undefined : host.slice(1, close).toLowerCase();
  }
  const colon = host.indexOf(':');
  return (colon === -1 ? host : host.slice(0, colon)).toLowerCase().replace(/\.$/, '');
}

/** An IPv4 address in any notation of `inet_aton`, or mapped into IPv6; `odd`: not the usual one. */
function ipv4Of(host: string): { value: number; odd: boolean } | undefined {
  if (host.includes(':')) {
    if (/^[0:]+1$/.test(host) || /^[0:]+$/.test(host)) return { value: 0x7f000001, odd: true };
    const mapped = /^(?:::|0:0:0:0:0:)(?:ffff:)?(.+)$/.exec(host)?.[1];
    if (mapped === undefined) return undefined;
    if (mapped.includes('.')) return { value: ipv4Of(mapped)?.value ?? 0, odd: true };
    const halves = mapped.split(':').map((half) => Number.parseInt(half, 16));
    return halves.length === 2 ? { value: halves[0]! * 65536 + halves[1]!, odd: true } : undefined;
  }
  const parts = host.split('.');
  if (parts.length > 4 || !parts.every((part) => /^(?:0x[\da-f]+|\d+)$/.test(part)))
    return undefined;
  const numbers = parts.map((part) =>
    /^0\d/.test(part) ? Number.parseInt(part, 8) : Number(part),
  );
  const last = numbers.pop()!;
  const value = numbers.reduce((sum, number, index) => sum + number * 256 ** (3 - index), 0) + last;
  if (!(value >= 0 && value < 2 ** 32)) return undefined;
  return { value, odd: parts.length < 4 || parts.some((part) => /^0[\dx]/.test(part)) };
}

function isLocal(value: number): boolean {
  const first = value >>> 24;
  return (
    first === 127 ||
    value === 0 ||
    first === 10 ||
    value >>> 20 === 0xac1 ||
    value >>> 16 === 0xc0a8 ||
    value >>> 16 === 0xa9fe
  );
}
