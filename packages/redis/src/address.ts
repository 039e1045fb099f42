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

/** The address, or what is wrong with it, as the end of "the URL …". */
export function addressOf(text: string): Address | string {
  if (!URL.canParse(text)) return `is none; it must begin with ${URL_FORMS}`;
  const url = new URL(text);
  const scheme = SCHEMES[url.protocol];
  if (scheme === undefined) return `must begin with ${URL_FORMS}`;
  const credentials = [decoded(url.username), decoded(url.password)];
  if (credentials.includes(undefined)) {
    return 'has a user or a password that is not percent-encoded';
  }
  const [username, password] = credentials.map((one) => (one === '' ? undefined : one));
  const isSocket = url.protocol === 'unix:';
  const database = databaseOf(isSocket ? (url.searchParams.get('db') ?? '') : url.pathname);
  if (database === null) return 'has a path that is no number of a database, such as /1';
  const others = [...url.searchParams.keys()].filter((name) => !(isSocket && name === 'db'));
  if (others.length > 0) {
    return `has the parameter "${others[0]}"; say the rest with options`;
  }
  const rest = { ...scheme, username, password, database };
  if (isSocket) return { ...rest, endpoint: undefined, path: decodeURIComponent(url.pathname) };
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const endpoint = { host: host || 'localhost', port: Number(url.port) || DEFAULT_PORT };
  return { ...rest, endpoint, path: undefined };
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
