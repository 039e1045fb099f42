/**
 * Whose word is taken. Ids and traces from outside let a stranger name your requests,
 * join your traces and force their recording; from your own proxies and services they
 * are the point of it all. So the source decides.
 */
import { BlockList, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { type Exchange, report } from '@org/core';

/**
 * What becomes of a caller's ids. `continue`: its request id is taken over and its
 * trace goes on. `link`: both begin anew, and the caller's stay readable by
 * `linked()`. `restart`: both begin anew, and nothing is kept.
 */
export type TrustPolicy = 'continue' | 'link' | 'restart';

/** Policies by where a request comes from, which is the address of its connection. */
export interface TrustRules {
  /**
   * Sources to trust: addresses, subnets such as `10.0.0.0/8`, the names `loopback`,
   * `linklocal` and `uniquelocal`, or `proxy`: whom the app's `trust proxy` trusts.
   */
  readonly from: readonly string[];
  /** For those sources. @default "continue" */
  readonly inside?: TrustPolicy;
  /** For all others. @default "link" */
  readonly outside?: TrustPolicy;
}

/** A policy for all, rules by source, or a decision per request. */
export type Trust = TrustPolicy | TrustRules | ((exchange: Exchange) => TrustPolicy);

const POLICIES: ReadonlySet<unknown> = new Set(['continue', 'link', 'restart']);

/** The named networks, as Express names them for `trust proxy`. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
});

/** Completes "must be …". */
export const TRUST_EXPECTED: string =
  '"continue", "link", "restart", a function of the exchange, or { from, inside, outside } ' +
  'with from a list of addresses, subnets, "loopback", "linklocal", "uniquelocal" or "proxy"';

export function isTrust(value: unknown): value is Trust {
  if (typeof value === 'function' || POLICIES.has(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { from, inside, outside, ...rest } = value as TrustRules;
  return (
    Object.keys(rest).length === 0 &&
    Array.isArray(from) &&
    from.every((source) => source === 'proxy' || networksOf(source) !== undefined) &&
    (inside === undefined || POLICIES.has(inside)) &&
    (outside === undefined || POLICIES.has(outside))
  );
}

/** Makes the decision, as much of it as possible beforehand. */
export function trustDecision(trust: Trust): (exchange: Exchange) => TrustPolicy {
  if (typeof trust === 'string') return () => trust;
  if (typeof trust === 'function') {
    return (exchange) => {
      try {
        const policy = trust(exchange);
        if (POLICIES.has(policy)) return policy;
        throw new TypeError('correlation: "trust" must answer "continue", "link" or "restart".');
      } catch (error) {
        // What is no answer must not open the door, nor close the app.
        report(error, 'correlation trust', exchange);
        return 'restart';
      }
    };
  }
  const { from, inside = 'continue', outside = 'link' } = trust;
  const list = new BlockList();
  for (const [address, prefix, family] of from.flatMap((source) => networksOf(source) ?? [])) {
    list.addSubnet(address, prefix, family);
  }
  const asksApp = from.includes('proxy');
  // One look per connection: its address does not change.
  const known = new WeakMap<Socket, TrustPolicy>();
  return ({ req }) => {
    const { socket } = req;
    let policy = known.get(socket);
    if (policy === undefined) {
      const address = socket.remoteAddress ?? '';
      const trusted = isListed(list, address) || (asksApp && isProxy(req.app, address));
      policy = trusted ? inside : outside;
      known.set(socket, policy);
    }
    return policy;
  };
}

type Network = readonly [address: string, prefix: number, family: 'ipv4' | 'ipv6'];

function networksOf(source: unknown): readonly Network[] | undefined {
  if (source === 'proxy') return [];
  if (typeof source !== 'string') return undefined;
  if (Object.hasOwn(NETWORKS, source)) return NETWORKS[source]!.map((subnet) => networkOf(subnet)!);
  const network = networkOf(source);
  return network === undefined ? undefined : [network];
}

function networkOf(subnet: string): Network | undefined {
  const [address = '', length, ...rest] = subnet.split('/');
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const prefix = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (version === 0 || rest.length > 0 || prefix < 0 || prefix > longest) return undefined;
  return [address, prefix, version === 4 ? 'ipv4' : 'ipv6'];
}

function isListed(list: BlockList, address: string): boolean {
  // A server that listens on :: sees IPv4 callers in IPv6 clothes.
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
}

/** Asks the app, as Express does for `req.ip`. */
function isProxy(app: Exchange['req']['app'] | undefined, address: string): boolean {
  const decide = app?.get('trust proxy fn') as
    | ((address: string, hop: number) => boolean)
    | undefined;
  return typeof decide === 'function' && decide(address, 0);
}
