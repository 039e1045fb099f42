/**
 * Who a request is from, without keeping who that is: a name only ever leaves this file as a
 * keyed hash. Known consumers (a principal, or a name of the user's choice) hash alike for as
 * long as the secret stays; anonymous ones are cut to their network first, and hash under a key
 * of the day. Hashes are remembered for a minute or two, so that most requests cost a look into
 * a map.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { callHook, clientNetwork, type Exchange } from '@org/core';
import type { Request } from 'express';

import { DAY_MS, floorTo } from './tiers.ts';

/** A consumer as it is counted. */
export interface Consumer {
  /** `c-` for a known consumer, `n-` for a network, and 96 bits of the hash. */
  readonly id: string;
  /** 64 further bits, for counting how many there are. */
  readonly high: number;
  readonly low: number;
  /** The cell that has counted it among all: it need not do so again. */
  countedIn: object | undefined;
}

/** Names a consumer that is known, or an address. */
export type ConsumerName = string | { readonly address: string };

export interface ConsumersOptions {
  /** The first one hashes; what earlier ones have hashed can still be erased. */
  readonly secrets: readonly string[];
  readonly nameOf: ((exchange: Exchange) => string | undefined) | undefined;
  readonly ipv4PrefixBits: number;
  readonly ipv6PrefixBits: number;
}

/** What is remembered at once, of each kind and generation. */
const MAX_REMEMBERED = 10_000;
/** Longer names are hashed each time: what a client may send would fill the memory. */
const MAX_NAME_LENGTH = 256;

export class Consumers {
  private readonly options: ConsumersOptions;
  private readonly secrets: readonly (string | Buffer)[];
  private readonly known: Memory;
  private readonly networks: Memory;
  private day: number;
  private dayKey: Buffer;

  constructor(options: ConsumersOptions, nowMs: number) {
    this.options = options;
    this.secrets = options.secrets.length === 0 ? [randomBytes(32)] : options.secrets;
    this.day = floorTo(nowMs, DAY_MS);
    this.dayKey = dayKeyOf(this.secrets[0]!, this.day);
    this.known = new Memory((name) => knownConsumer(this.secrets[0]!, name));
    this.networks = new Memory((address) => networkConsumer(this.dayKey, this.network(address)));
  }

  /** Who asks; nobody where there is neither a name nor an address. */
  of(exchange: Exchange): Consumer | undefined {
    const name = exchange.peekPrincipal() ?? this.nameOf(exchange);
    if (name !== undefined) return this.known.get(name);
    const address = addressOf(exchange.req);
    return address === undefined ? undefined : this.networks.get(address);
  }

  /** Forgets what was not asked for lately, and, on a new day, changes the key of the day. */
  age(nowMs: number): void {
    this.known.age();
    this.networks.age();
    const day = floorTo(nowMs, DAY_MS);
    if (day === this.day) return;
    this.day = day;
    this.dayKey = dayKeyOf(this.secrets[0]!, day);
    this.networks.clear();
  }

  /** The id of a known consumer. */
  idOf(name: string): string {
    return knownConsumer(this.secrets[0]!, name).id;
  }

  /**
   * Every id that may be kept of somebody: by each secret, and, of an address, for each day since
   * `sinceMs`.
   * @throws RangeError for what is no address
   */
  idsOf(consumer: ConsumerName, sinceMs: number): readonly string[] {
    if (typeof consumer === 'string') {
      return this.secrets.map((secret) => knownConsumer(secret, consumer).id);
    }
    if (isIP(consumer.address) === 0) throw new RangeError(`"${consumer.address}" is no address.`);
    const network = this.network(consumer.address);
    const ids: string[] = [];
    for (let day = this.day; day >= sinceMs - DAY_MS; day -= DAY_MS) {
      for (const secret of this.secrets) {
        ids.push(networkConsumer(dayKeyOf(secret, day), network).id);
      }
    }
    return ids;
  }

  private nameOf(exchange: Exchange): string | undefined {
    const { nameOf } = this.options;
    if (nameOf === undefined) return undefined;
    const name = callHook(() => nameOf(exchange), 'analytics consumer', exchange);
    return typeof name === 'string' && name !== '' ? name : undefined;
  }

  /** The network of an address: many people have it, so that it is nobody's. */
  private network(address: string): string {
    const { ipv4PrefixBits, ipv6PrefixBits } = this.options;
    const network = clientNetwork(address, ipv6PrefixBits);
    if (!isIPv4(network)) return network;
    const bits = network.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
    const host = 2 ** (32 - ipv4PrefixBits);
    return `${Math.floor(bits / host) * host}/${ipv4PrefixBits}`;
  }
}

/** The address of the client. Where no proxy is trusted it is the connection's, which costs less to ask for. */
function addressOf(req: Request): string | undefined {
  return req.app?.get('trust proxy') === false ? req.socket.remoteAddress : req.ip;
}

/** Consumers by what they are called here, in two generations: who is not asked for in one is gone after the next. */
class Memory {
  private young: Map<string, Consumer> = new Map();
  private old: Map<string, Consumer> = new Map();
  private readonly make: (name: string) => Consumer;

  constructor(make: (name: string) => Consumer) {
    this.make = make;
  }

  get(name: string): Consumer {
    if (name.length > MAX_NAME_LENGTH) return this.make(name);
    const found = this.young.get(name);
    if (found !== undefined) return found;
    const consumer = this.old.get(name) ?? this.make(name);
    if (this.young.size >= MAX_REMEMBERED) this.age();
    // A copy: a part of a header would keep all of it.
    this.young.set(Buffer.from(name).toString(), consumer);
    return consumer;
  }

  age(): void {
    this.old = this.young;
    this.young = new Map();
  }

  clear(): void {
    this.young = new Map();
    this.old = new Map();
  }
}

function dayKeyOf(secret: string | Buffer, day: number): Buffer {
  return createHmac('sha256', secret).update(`day ${day}`).digest();
}

function knownConsumer(secret: string | Buffer, name: string): Consumer {
  return consumerOf('c-', createHmac('sha256', secret).update(`consumer ${name}`).digest());
}

function networkConsumer(dayKey: Buffer, network: string): Consumer {
  return consumerOf('n-', createHmac('sha256', dayKey).update(network).digest());
}

function consumerOf(kind: string, hash: Buffer): Consumer {
  return {
    id: kind + hash.toString('base64url', 0, 12),
    high: hash.readUInt32LE(12),
    low: hash.readUInt32LE(16),
    countedIn: undefined,
  };
}
