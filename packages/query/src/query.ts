/**
 * Tells clients how long an answer took. It stands among the observers, above
 * everything that refuses, so that a refusal is timed as well.
 */
import {
  type Checks,
  defineMiddleware,
  defineStages,
  type Given,
  type Middleware,
  resolveOptions,
  type Stats,
  text,
} from '@org/core';

/** What query can be told. */
export interface QueryOptions {
  /** Name of the response header that holds the time, in ms. @default "X-Response-Time-Ms" */
  readonly headerName: string;
}

export const QUERY_DEFAULTS: Readonly<QueryOptions> = Object.freeze<QueryOptions>({
  headerName: 'X-Response-Time-Ms',
});

const CHECKS: Checks<QueryOptions> = {
  // RFC 9110 §5.1: a field name is a token.
  headerName: text({ expected: 'a header name', pattern: /^[\w!#$%&'*+.^`|~-]+$/ }),
};

/**
 * Makes the middleware.
 * @throws OptionError for unknown or wrong options
 */
export function query(options?: Given<QueryOptions>): Middleware {
  const { headerName } = resolveOptions('query', QUERY_DEFAULTS, CHECKS, options);
  let answeredTotal = 0;
  let abortedTotal = 0;
  let closed = false;

  const stages = defineStages({
    head(head, exchange) {
      head.set(headerName, String(Math.round(exchange.durationMs)));
    },
    done(exchange) {
      if (exchange.aborted) abortedTotal++;
      else answeredTotal++;
    },
  });

  return defineMiddleware({
    name: 'query',
    phase: 'observe',
    reason: 'above everything that refuses, so that a refusal is timed as well',
    step(exchange) {
      if (!closed) exchange.tap(stages);
    },
    stats: (): Stats => ({ answeredTotal, abortedTotal }),
    close() {
      closed = true;
    },
  });
}
