/** Addresses and networks as an operator lists them: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`. */
import { isIP } from 'node:net';
import { type Check, clientNetwork, text } from '@org/core';

/** The option check for one member of a list. */
export const NETWORK: Check<string> = {
  expected: 'an IP address, or a network such as "10.0.0.0/8" or "2001:db8::/32"',
  accepts: (value): value is string => text().accepts(value) && parse(value) !== undefined,
};

/**
 * Whether addresses are on it: a look into a set for each length of prefix that is listed, however
 * many networks there are. (`BlockList` of Node compares with one after another.)
 */
export class AddressList {
  readonly size: number;
  private readonly ipv4: Map<number, Set<number>> = new Map();
  private readonly ipv6: Map<number, Set<string>> = new Map();

  /** Members must have passed `NETWORK`. */
  constructor(members: readonly string[]) {
    this.size = members.length;
    for (const member of members) {
      const { address, bits, isIpv6 } = parse(member)!;
      if (isIpv6) add(this.ipv6, bits, clientNetwork(address, bits));
      else add(this.ipv4, bits, leadingBits(numberOf(address), bits));
    }
  }

  /** `address` as `bareAddress` gives it. */
  has(address: string): boolean {
    if (this.size === 0) return false;
    if (address.includes(':')) {
      for (const [bits, networks] of this.ipv6) {
        if (networks.has(clientNetwork(address, bits))) return true;
      }
      return false;
    }
    const number = numberOf(address);
    for (const [bits, networks] of this.ipv4) {
      if (networks.has(leadingBits(number, bits))) return true;
    }
    return false;
  }
}

function add<T>(networks: Map<number, Set<T>>, bits: number, network: T): void {
  const known = networks.get(bits);
  if (known === undefined) networks.set(bits, new Set([network]));
  else known.add(network);
}

/** An IPv4 address as a number. */
function numberOf(address: string): number {
  let number = 0;
  let octet = 0;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code === DOT) {
      number = number * 256 + octet;
      octet = 0;
    } else {
      octet = octet * 10 + code - ZERO;
    }
  }
  return number * 256 + octet;
}

const DOT = 0x2e;
const ZERO = 0x30;

function leadingBits(number: number, bits: number): number {
  return Math.floor(number / 2 ** (32 - bits));
}

/** An address without a zone, and as IPv4 where it is one that is mapped (RFC 4291 §2.5.5.2). */
export function bareAddress(address: string): string {
  if (!address.includes(':')) return address;
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  const network = clientNetwork(bare, 128);
  return network.includes(':') ? bare : network;
}

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly isIpv6: boolean;
}

function parse(member: string): Network | undefined {
  const [written = '', range, ...rest] = member.split('/');
  if (rest.length > 0 || isIP(written) === 0 || written.includes('%')) return undefined;
  const address = bareAddress(written);
  const mapped = isIP(written) === 6 && isIP(address) === 4;
  const all = isIP(address) === 4 ? 32 : 128;
  if (range !== undefined && !/^\d{1,3}$/.test(range)) return undefined;
  // Of ::ffff:10.0.0.0/104 the first 96 bits only say that it is mapped.
  const bits = range === undefined ? all : Number(range) - (mapped ? 96 : 0);
  if (bits < 0 || bits > all) return undefined;
  return { address, bits, isIpv6: all === 128 };
}
