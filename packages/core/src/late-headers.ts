/**
 * Headers that libraries set at the last moment, in a `writeHead` of their own: a session
 * its cookie, above all. The stages have to see them: an answer that sets a cookie is
 * nobody else's. Below the tap that goes by itself. Only a response that was patched before
 * the app had its tap has the patches above it; theirs is asked for the head ahead of the stages.
 */
import type { Methods, Tapped } from './tapped.ts';

/** Node's own last step: writes the head down, after which nothing can be changed. */
interface Rehearsable {
  _storeHeader?: unknown;
  _hasBody?: boolean;
}

/** Has `patched` set its headers; the head itself is not written. */
export function hearLateHeaders(res: Tapped, patched: Methods['writeHead']): void {
  const inner = res as Tapped & Rehearsable;
  if (typeof inner._storeHeader !== 'function') return;
  const hadBody = inner._hasBody;
  Object.defineProperty(inner, '_storeHeader', { value: () => undefined, configurable: true });
  try {
    patched.call(res, res.statusCode);
  } finally {
    Reflect.deleteProperty(inner, '_storeHeader');
    // Node drops it for a 204 or 304, which a stage may still replace by a whole answer.
    if (hadBody !== undefined) inner._hasBody = hadBody;
  }
}
