declare module 'express-queue' {
  import type { RequestHandler } from 'express';
  export default function queue(options: {
    readonly activeLimit: number;
    readonly queuedLimit: number;
  }): RequestHandler;
}

declare module 'overload-protection' {
  import type { RequestHandler } from 'express';
  export default function protect(
    framework: 'express',
    options?: { readonly production?: boolean },
  ): RequestHandler;
}
