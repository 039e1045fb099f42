/** Addresses and networks as an operator lists them: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`. */
import { BlockList, isIP } from 'node:net';
import { type Check, clientNetwork, text } from '@org/core';

/** The option check for one member of a list. */
export const NETWORK: Check<string> = {
  expected: 'an IP address, or a network such as "10.0.0.0/8" or "2001:db8::/32"',
  accepts: (value): value is string => text().accepts(value) && parse(value) !== undefined,
};

/** Whether addresses are on it. */
export class AddressList {
  readonly size: number;
  private readonly list: BlockList = new BlockList();

  /** Members must have passed `NETWORK`. */
  constructor(members: readonly string[]) {
    this.size = members.length;
    for (const member of members) {
      const { address, bits, family } = parse(member)!;
      this.list.addSubnet(address, bits, family);
    }
  }

  /** `address` as `bareAddress` gives it. */
  has(address: string): boolean {
    if (this.size === 0) return false;
    return this.list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }
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
  readonly family: 'ipv4' | 'ipv6';
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
  return { address, bits, family: all === 32 ? 'ipv4' : 'ipv6' };
}
