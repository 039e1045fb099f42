/** The addresses of the dashboard: which of them a request asks for. */

/** What is asked for. */
export type Route =
  | { readonly kind: 'page' | 'slash' | 'events' | 'sign-in' | 'sign-out' }
  | { readonly kind: 'asset'; readonly digest: string; readonly name: string };

/** Where something is below the dashboard's own path, and the methods that it takes. */
export interface Address {
  readonly pattern: string;
  readonly methods: readonly string[];
}

const READ: readonly string[] = Object.freeze(['GET', 'HEAD']);
const CHANGE: readonly string[] = Object.freeze(['POST']);

export const ADDRESSES: Readonly<Record<Route['kind'], Address>> = Object.freeze({
  page: { pattern: '', methods: READ },
  slash: { pattern: '/', methods: READ },
  events: { pattern: '/events', methods: READ },
  asset: { pattern: '/assets/:digest/:name', methods: READ },
  'sign-in': { pattern: '/sign-in', methods: CHANGE },
  'sign-out': { pattern: '/sign-out', methods: CHANGE },
});

/** Finds the route of a target below its mount; nothing where it is somebody else's. */
export function routeOf(path: string, url: string): Route | undefined {
  // Nearly every request ends here, after one comparison.
  if (!url.startsWith(path)) return undefined;
  const query = url.indexOf('?');
  const rest = query === -1 ? url.slice(path.length) : url.slice(path.length, query);
  switch (rest) {
    case '':
      return { kind: 'page' };
    case '/':
      return { kind: 'slash' };
    case '/events':
      return { kind: 'events' };
    case '/sign-in':
      return { kind: 'sign-in' };
    case '/sign-out':
      return { kind: 'sign-out' };
    default: {
      const [, digest, name] = /^\/assets\/([\w-]+)\/([\w.-]+)$/.exec(rest) ?? [];
      return digest === undefined || name === undefined
        ? undefined
        : { kind: 'asset', digest, name };
    }
  }
}
