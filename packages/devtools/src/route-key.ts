/** What faults and mocks are declared for: `GET /api/hotels/:id`, or a path pattern for every method. */
import { addressOf, type Exchange, OptionError, routeTable } from '@org/core';

/** A method and a pattern, compiled. */
export interface RouteKey {
  /** In upper case; absent for all of them. */
  readonly method: string | undefined;
  readonly pattern: string;
  matches(exchange: Exchange): boolean;
}

/** @throws OptionError for what is no method and no pattern of Express */
export function routeKey(text: string): RouteKey {
  const found = /^(?:([A-Za-z-]+) +)?([/{].*)$/.exec(text);
  if (found === null) {
    throw new OptionError('devtools', [
      `route "${text}" must be a path pattern with or without a method, such as "GET /api/hotels/:id".`,
    ]);
  }
  const method = found[1]?.toUpperCase();
  const pattern = found[2]!;
  const find = routeTable('devtools', { [pattern]: true });
  return {
    method,
    pattern,
    matches: ({ req }) =>
      // HEAD is GET without the body (RFC 9110 §9.3.2).
      (method === undefined ||
        req.method === method ||
        (method === 'GET' && req.method === 'HEAD')) &&
      find(addressOf(req)) === true,
  };
}
