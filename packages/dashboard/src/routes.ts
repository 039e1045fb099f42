/** The addresses of the dashboard: which of them a request asks for. */

/** What is asked for. */
export type Route =
  | { readonly kind: 'page' | 'slash' | 'events' | 'sign-in' | 'sign-out' }
  | { readonly kind: 'asset'; readonly digest: string; readonly name: string };

/** Methods by what is asked for; GET and HEAD where nothing is said. */
export const METHODS: Readonly<Partial<Record<Route['kind'], string>>> = Object.freeze({
  'sign-in': 'POST',
  'sign-out': 'POST',
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
