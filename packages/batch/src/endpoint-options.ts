/** The options of the batch endpoint, their defaults and their checks. */
import {
  bytes,
  type Check,
  type Checks,
  type Clock,
  clockCheck,
  CREDENTIAL_DEFAULTS,
  durationMs,
  type Given,
  integer,
  isForwardingHeader,
  listOf,
  oneOf,
  OptionError,
  resolveOptions,
  systemClock,
  text,
} from '@org/core';

/** A method that an item may have. */
export type ItemMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What the batch endpoint can be told. */
export interface BatchEndpointOptions {
  /** Where it answers, below where it is mounted. @default "/batch" */
  readonly path: string;
  /** The most items of a batch. @default 20 */
  readonly maxItems: number;
  /** The most items of a batch that run at a time. @default 5 */
  readonly maxConcurrent: number;
  /** The most batches that run at a time; further ones are refused. @default 100 */
  readonly maxBatches: number;
  /** The largest body of a batch, and of an item once its references are filled in. @default 256 KiB */
  readonly maxRequestBytes: number;
  /** The most bytes that the bodies of its answers may have together. @default 4 MiB */
  readonly maxResponseBytes: number;
  /** How long an item may take, in ms; less where the batch's own deadline comes earlier. @default 30_000 */
  readonly itemTimeoutMs: number;
  /** Methods that items may have. @default ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] */
  readonly methods: readonly ItemMethod[];
  /** Paths that items may ask for, as Express writes patterns. @default what lies beside the endpoint and below: `/api/batch` reaches `/api/*rest` */
  readonly paths: readonly string[] | undefined;
  /** Headers of the batch that its items inherit, besides those that say where it comes from. */
  readonly inheritHeaders: readonly string[];
  /** Headers that an item may bring of its own; it brings no others. */
  readonly itemHeaders: readonly string[];
  /** Source of time. @default the machine's */
  readonly clock: Clock;
}

export const BATCH_ENDPOINT_DEFAULTS: Readonly<BatchEndpointOptions> =
  Object.freeze<BatchEndpointOptions>({
    path: '/batch',
    maxItems: 20,
    maxConcurrent: 5,
    maxBatches: 100,
    maxRequestBytes: 256 * 1024,
    maxResponseBytes: 4 * 1024 * 1024,
    itemTimeoutMs: 30_000,
    methods: Object.freeze<ItemMethod[]>(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
    paths: undefined,
    inheritHeaders: Object.freeze([
      'authorization',
      'cookie',
      ...CREDENTIAL_DEFAULTS.credentialHeaders,
      'x-csrf-token',
      'x-xsrf-token',
      'origin',
      'referer',
      'sec-fetch-site',
      'sec-fetch-mode',
      'sec-fetch-dest',
      'user-agent',
      'accept-language',
      'traceparent',
      'tracestate',
      'baggage',
    ]),
    itemHeaders: Object.freeze([
      'accept',
      'accept-language',
      'content-language',
      'content-type',
      'idempotency-key',
      'if-match',
      'if-modified-since',
      'if-none-match',
      'if-unmodified-since',
      'prefer',
    ]),
    clock: systemClock,
  });

/**
 * Headers that belong to a connection or to the form of a message (RFC 9110 §7.6.1, RFC 9112
 * §6), and the host: no item has its own, and none is taken over by name.
 */
export const NEVER: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const header: Check<string> = {
  expected: 'a header name that does not belong to a connection',
  accepts: (value): value is string =>
    typeof value === 'string' &&
    // RFC 9110 §5.1: a field name is a token.
    /^[\w!#$%&'*+.^`|~-]+$/.test(value) &&
    !NEVER.has(value.toLowerCase()),
};

const CHECKS: Checks<BatchEndpointOptions> = Object.freeze<Checks<BatchEndpointOptions>>({
  path: text({ expected: 'a path such as "/batch"', pattern: /^\/[\w\-./~]*$/ }),
  maxItems: integer({ min: 1, max: 1000 }),
  maxConcurrent: integer({ min: 1, max: 1000 }),
  maxBatches: integer({ min: 1 }),
  maxRequestBytes: bytes({ min: 64 }),
  maxResponseBytes: bytes({ min: 64 }),
  itemTimeoutMs: durationMs({ min: 1 }),
  methods: listOf(oneOf('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE')),
  paths: listOf(text({ expected: 'a path pattern', pattern: /^\// })),
  inheritHeaders: listOf(header),
  itemHeaders: listOf({
    expected: 'a header name that says neither where a request comes from nor how it is sent',
    accepts: (value): value is string =>
      header.accepts(value) && !isForwardingHeader(value.toLowerCase()),
  }),
  clock: clockCheck,
});

/** The options to work with. @throws OptionError for unknown or wrong options */
export function resolveEndpointOptions(
  given: Given<BatchEndpointOptions> | undefined,
): Readonly<BatchEndpointOptions> {
  const options = resolveOptions('batchEndpoint', BATCH_ENDPOINT_DEFAULTS, CHECKS, given);
  if (options.methods.length > 0) return options;
  throw new OptionError('batchEndpoint', [
    'option "methods" must name a method, or no item could be asked for.',
  ]);
}
