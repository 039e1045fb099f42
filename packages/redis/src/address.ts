/** Where Redis is and how one gets in, read from a URL. No error of it shows what was in the URL. */
import { isIP } from 'node:net';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What a URL says. */
export interface Address {
  /** A server, or a node of a cluster. */
  readonly endpoint: Endpoint | undefined;
  /** A Unix socket instead. */
  readonly path: string | undefined;
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number | undefined;
}

/** What a URL may look like, for errors. */
export const URL_FORMS =
  'redis://, rediss:// (TLS), redis+cluster://, rediss+cluster:// or unix:///path/to.sock';

const DEFAULT_PORT = 6379;

const SCHEMES: Readonly<Record<string, Pick<Address, 'cluster' | 'tls'> | undefined>> = {
  'redis:': { cluster: false, tls: false },
  'rediss:': { cluster: false, tls: true },
  'redis+cluster:': { cluster: true, tls: false },
  'rediss+cluster:': { cluster: true, tls: true },
  'unix:': { cluster: false, tls: false },
};

const NOT_ENCODED =
  'has a user, a password or a path with characters that must be percent-encoded, such as %23 for #';

/** The address, or what is wrong with it, as the end of "the URL …". */
export function addressOf(text: string): Address | string {
  const [, begin = '', rest = ''] = /^([^:]*:)\/\/(.*)$/s.exec(text) ?? [];
  const scheme = SCHEMES[begin.toLowerCase()];
  if (scheme === undefined) return `must begin with ${URL_FORMS}`;
  // A character that ends the part that it stands in would make another host of a password.
  if (/#|[/?].*@/s.test(rest)) return NOT_ENCODED;
  if (!URL.canParse(text)) return 'has no valid host and port, such as redis.internal:6379';
  const url = new URL(text);
  const isSocket = url.protocol === 'unix:';
  const [username, password, path] = [url.username, url.password, url.pathname].map(decoded);
  if (username === undefined || password === undefined || path === undefined) return NOT_ENCODED;
  const database = databaseOf(isSocket ? (url.searchParams.get('db') ?? '') : path);
  if (database === null)
    return 'has no number of a database where one belongs, such as /1 or ?db=1';
  const others = [...url.searchParams.keys()].filter((name) => !(isSocket && name === 'db'));
  if (others.length > 0) {
    return `has the parameter "${others[0]}"; say the rest with options`;
  }
  const address = {
    ...scheme,
    username: username || undefined,
    password: password || undefined,
    database,
  };
  if (isSocket) {
    if (url.host !== '' || path === '') return 'has no absolute path, as unix:///path/to.sock has';
    return { ...address, endpoint: undefined, path };
  }
  if (url.port === '0') return 'has the port 0, through which nothing can be reached';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const endpoint = { host: host || 'localhost', port: Number(url.port) || DEFAULT_PORT };
  return { ...address, endpoint, path: undefined };
}

/** `host:port`, `host`, `[::1]:7000` or `::1`; nothing where it is none of them. */
export function endpointOf(text: string): Endpoint | undefined {
  if (isIP(text) === 6) return { host: text, port: DEFAULT_PORT };
  const [, bracketed, plain, port] =
    /^(?:\[([^\]]+)\]|([^:/@\s]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  return number >= 1 && number <= 65_535 ? { host, port: number } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Null where it is no number. */
function databaseOf(path: string): number | undefined | null {
  const text = path.replace(/^\//, '');
  if (text === '') return undefined;
  return /^\d{1,5}$/.test(text) ? Number(text) : null;
}
