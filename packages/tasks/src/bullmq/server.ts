/** Where the server of jobs is, read from what was given. No problem shows what was in a URL. */

/** A server, or a cluster of them. */
export type Server = { readonly kind: 'redis' | 'postgres'; readonly url: string } | ClusterServer;

export interface ClusterServer {
  readonly kind: 'cluster';
  /** Nodes to begin with; they tell of the others. */
  readonly nodes: readonly Endpoint[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isSecure: boolean;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What says where it is; see the options of `bullmq`. */
export interface ServerOptions {
  readonly url: string | undefined;
  readonly nodes: readonly string[] | undefined;
  readonly cluster: boolean | undefined;
}

export const SERVER_URL: RegExp = /^(?:rediss?(?:\+cluster)?|postgres(?:ql)?):\/\//;
export const NODE: RegExp = /^(?:\[([\da-f:.]+)\]|([^:/@\s[\]]+))(?::(\d{1,5}))?$/i;

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEFAULT_PORT = 6379;

/** The server, or what is wrong with what was given. */
export function serverOf({ url, nodes, cluster }: ServerOptions): Server | string {
  const hasNodes = nodes !== undefined && nodes.length > 0;
  const address = url ?? (hasNodes ? undefined : DEFAULT_URL);
  if (address?.startsWith('postgres') === true) {
    if (hasNodes || cluster === true) {
      return 'options "nodes" and "cluster" are of Redis: leave them out, for "url" is one of Postgres.';
    }
    return { kind: 'postgres', url: address };
  }
  const isCluster = cluster ?? (hasNodes || address?.includes('+cluster://') === true);
  if (isCluster) return clusterOf(address, nodes ?? []);
  if (hasNodes) return 'option "nodes" is of a cluster: leave "cluster" out, or say "url".';
  return { kind: 'redis', url: address!.replace('+cluster://', '://') };
}

function clusterOf(address: string | undefined, others: readonly string[]): Server | string {
  const nodes = others.map((node) => {
    const [, bracketed, plain, port] = NODE.exec(node)!;
    return { host: (bracketed ?? plain)!, port: Number(port ?? DEFAULT_PORT) };
  });
  const cluster = { kind: 'cluster', username: undefined, password: undefined } as const;
  if (address === undefined) return { ...cluster, nodes, isSecure: false };
  if (!URL.canParse(address)) {
    return 'option "url" has no valid host and port, such as redis.internal:7000.';
  }
  const { hostname, port, pathname, username, password } = new URL(address);
  if (!['', '/', '/0'].includes(pathname)) {
    return 'option "url" names a database, but a cluster has only number 0.';
  }
  const host = hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost';
  try {
    return {
      ...cluster,
      nodes: [{ host, port: Number(port) || DEFAULT_PORT }, ...nodes],
      username: decodeURIComponent(username) || undefined,
      password: decodeURIComponent(password) || undefined,
      isSecure: address.startsWith('rediss'),
    };
  } catch {
    return 'option "url" has a user or a password with characters that must be percent-encoded, such as %25 for %.';
  }
}
