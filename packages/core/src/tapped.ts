/** A response as the tap meets it: Node's own, or what stands below a patch. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { Exchange } from './exchange.ts';

/**
 * Where a request keeps its exchange; shared by every copy of core. A response finds
 * it by its request: a second mark would cost more than the detour.
 */
export const EXCHANGE: unique symbol = Symbol.for('@org/exchange') as never;

/** Says that a response, or its prototype, carries the tap already. */
export const TAPPED: unique symbol = Symbol.for('@org/tapped') as never;

export type Headers = OutgoingHttpHeaders | readonly unknown[];

/** The methods that the tap replaces, as loosely typed as Node takes them. */
export interface Methods {
  writeHead(status: number, reason?: string | Headers, headers?: Headers): ServerResponse;
  write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean;
  end(chunk?: unknown, encoding?: unknown, callback?: unknown): ServerResponse;
  flushHeaders(): void;
  flush?(): void;
  json?(value?: unknown): ServerResponse;
  jsonp?(value?: unknown): ServerResponse;
}

/** A response whose calls go through the tap. */
export type Tapped = ServerResponse &
  Methods & {
    readonly req: IncomingMessage & { [EXCHANGE]?: Exchange };
    _removedContLen?: boolean;
  };
