/**
 * How requests come in: by which method and scheme. Each way has stages of its own, so that the
 * end of a request knows how it began, whatever has become of `req.method` meanwhile, and nothing
 * has to be kept for it. Methods that are not standard are one: any word may come from a client.
 */
import type { TLSSocket } from 'node:tls';
import { defineStages, type Exchange, type Stages } from '@org/core';

/** RFC 9110 §9.3, RFC 5789 (PATCH) and QUERY, as OpenTelemetry's semantic conventions list them. */
const KNOWN: readonly string[] = [
  'GET',
  'POST',
  'HEAD',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'CONNECT',
  'TRACE',
  'QUERY',
];

/** What all other methods are called. */
export const OTHER_METHOD = '_OTHER';

/** One way in. */
export class Way {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Whether a request may have a body that is worth a look at its length. */
  readonly hasBody: boolean;
  /** Requests under way. */
  active: number = 0;
  begunTotal: number = 0;
  readonly stages: Stages;

  constructor(
    method: string,
    scheme: 'http' | 'https',
    done: (exchange: Exchange, way: Way) => void,
  ) {
    this.method = method;
    this.scheme = scheme;
    this.hasBody = method !== 'GET' && method !== 'HEAD';
    this.stages = defineStages({ done: (exchange) => done(exchange, this) });
  }
}

export class Ways {
  readonly all: readonly Way[];
  private readonly plain: ReadonlyMap<string, Way>;
  private readonly secure: ReadonlyMap<string, Way>;

  /** @param done called once for each request that was begun */
  constructor(done: (exchange: Exchange, way: Way) => void) {
    const make = (scheme: 'http' | 'https'): ReadonlyMap<string, Way> =>
      new Map([...KNOWN, OTHER_METHOD].map((name) => [name, new Way(name, scheme, done)]));
    this.plain = make('http');
    this.secure = make('https');
    this.all = [...this.plain.values(), ...this.secure.values()];
  }

  /** Methods are compared with case (RFC 9110 §9.1). */
  of(req: Exchange['req']): Way {
    const ways = isSecure(req) ? this.secure : this.plain;
    return ways.get(req.method) ?? ways.get(OTHER_METHOD)!;
  }
}

/** Under the app's `trust proxy`, which is asked only where a proxy has said something. */
function isSecure(req: Exchange['req']): boolean {
  if ((req.socket as Partial<TLSSocket>).encrypted === true) return true;
  return req.headers['x-forwarded-proto'] !== undefined && req.secure;
}
