/** Headers whose own grammar is full of what we look for, and that nobody stores or prints. */
import { words } from './words.ts';

/** Fields of HTTP and of its infrastructure: names of RFC 9110 and 9111, Fetch, traces, signatures. */
export const PROTOCOL_HEADERS: ReadonlySet<string> = words(`
  accept accept-charset accept-encoding authorization proxy-authorization authentication-info cookie
  connection keep-alive te trailer transfer-encoding upgrade upgrade-insecure-requests expect
  content-length content-encoding content-md5 content-digest repr-digest digest
  cache-control pragma date age etag if-match if-none-match if-modified-since if-unmodified-since if-range range
  sec-fetch-site sec-fetch-mode sec-fetch-dest sec-fetch-user sec-gpc dnt priority prefer
  sec-ch-ua sec-ch-ua-arch sec-ch-ua-bitness sec-ch-ua-full-version sec-ch-ua-full-version-list sec-ch-ua-mobile
  sec-ch-ua-model sec-ch-ua-platform sec-ch-ua-platform-version sec-ch-ua-wow64 sec-ch-ua-form-factors
  sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol
  traceparent tracestate baggage b3 forwarded signature signature-input dpop idempotency-key
  x-forwarded-client-cert cf-visitor x-amzn-trace-id x-amz-content-sha256 x-client-data
`);
