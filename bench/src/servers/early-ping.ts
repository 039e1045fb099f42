/** What the route answers, its tag included. */
import type { EarlyReturnOptions } from '@org/early-return';

export const PING: Partial<EarlyReturnOptions> = {
  headers: {},
  rules: [
    { path: '/', body: { pong: true }, headers: { ETag: 'W/"d-NMovXDE1NuzTr1lpmBE8ZRjliFM"' } },
  ],
};
