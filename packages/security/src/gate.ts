/** Who is let in: the lists of the operator, and the blocks of addresses and of principals. */
import {
  clientNetwork,
  type Clock,
  CREDENTIAL_DEFAULTS,
  Credentials,
  type Exchange,
} from '@org/core';

import { AddressList, bareAddress, NETWORK } from './address-list.ts';
import type { Block, Blocks } from './blocks.ts';
import { addressOfClient, isOwnProxy } from './client.ts';
import type { ReputationOptions } from './reputation-options.ts';

/** Why an address is refused for good. */
export type Refusal = 'denied' | 'unlisted';

const PRINCIPAL = 'principal:';

export class Gate {
  /** Served though their address is blocked, because they are known. */
  relieved: number = 0;
  private readonly blocks: Blocks;
  private readonly clock: Clock;
  private readonly ipv6PrefixBits: number;
  private readonly allow: AddressList;
  private readonly deny: AddressList;
  private readonly allowOnly: boolean;
  private readonly credentials: Credentials = new Credentials(CREDENTIAL_DEFAULTS);
  /** Somebody has been blocked by name: principals are worth asking for. */
  private knowsPrincipals: boolean = false;

  constructor(options: ReputationOptions, blocks: Blocks) {
    this.blocks = blocks;
    this.clock = options.clock;
    this.ipv6PrefixBits = options.ipv6PrefixBits;
    this.allow = new AddressList(options.allow);
    this.deny = new AddressList(options.deny);
    this.allowOnly = options.allowOnly;
  }

  /** There is nothing that anybody could be refused for. */
  get isOpen(): boolean {
    return this.blocks.size === 0 && this.deny.size === 0 && !this.allowOnly;
  }

  /** What a request is refused for; nothing where it may pass. */
  verdict(exchange: Exchange): Refusal | Block | undefined {
    const ip = addressOfClient(exchange.req);
    // A socket without an address is local; it is on no list either.
    if (ip === undefined) return this.allowOnly ? 'unlisted' : this.blockOf(exchange, undefined);
    const address = bareAddress(ip);
    const found =
      this.refusalOf(address) ?? this.blockOf(exchange, clientNetwork(ip, this.ipv6PrefixBits));
    return found === undefined || this.isExempt(exchange, address) ? undefined : found;
  }

  /** An address that is allowed, or the operator's own proxy. `address` is bare. */
  isExempt({ req }: Exchange, address: string): boolean {
    return this.allow.has(address) || isOwnProxy(req, address);
  }

  /** Against whom points of a request count: the principal first, the address, if there is one, once that is blocked. */
  accountOf(exchange: Exchange, ip: string | undefined): string | undefined {
    const principal = this.principalOf(exchange);
    if (principal !== undefined && !this.isBlocked(principal)) return principal;
    return ip === undefined ? undefined : clientNetwork(ip, this.ipv6PrefixBits);
  }

  /** The key of an address, or of a network or principal as it is listed. @throws RangeError for anything else */
  keyOf(address: string): string {
    if (address.startsWith(PRINCIPAL)) return address;
    const [alone = ''] = address.split('/', 1);
    const key = NETWORK.accepts(address) ? clientNetwork(alone, this.ipv6PrefixBits) : undefined;
    if (key !== undefined && (alone === address || key === address)) return key;
    throw new RangeError(
      `reputation: "${address}" must be an IP address, or a network as list() shows it (of IPv6, /${this.ipv6PrefixBits}).`,
    );
  }

  /** Takes note of a block that was made. */
  blocked({ key }: Block): void {
    if (key.startsWith(PRINCIPAL)) this.knowsPrincipals = true;
  }

  private refusalOf(address: string): Refusal | undefined {
    if (this.allowOnly) return 'unlisted';
    return this.deny.has(address) ? 'denied' : undefined;
  }

  private blockOf(exchange: Exchange, network: string | undefined): Block | undefined {
    const nowMs = this.clock.monotonicMs();
    const ofAddress = network === undefined ? undefined : this.blocks.find(network, nowMs);
    if (ofAddress === undefined && !this.knowsPrincipals) return undefined;
    const principal = this.principalOf(exchange);
    if (principal === undefined) return ofAddress;
    const ofPrincipal = this.blocks.find(principal, nowMs);
    if (ofPrincipal !== undefined || ofAddress === undefined || ofAddress.manual) {
      return ofPrincipal ?? ofAddress;
    }
    // One of many behind an address does not pay for the others.
    this.relieved++;
    return undefined;
  }

  private isBlocked(key: string): boolean {
    return this.blocks.find(key, this.clock.monotonicMs()) !== undefined;
  }

  /** Hashed: keys reach stores and lists. */
  private principalOf(exchange: Exchange): string | undefined {
    const part = this.credentials.partOf(exchange, 'principal');
    return part === undefined ? undefined : PRINCIPAL + part;
  }
}
