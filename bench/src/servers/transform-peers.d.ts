declare module 'express-partial-response' {
  import type { RequestHandler } from 'express';

  export default function partialResponse(options?: { query?: string }): RequestHandler;
}
