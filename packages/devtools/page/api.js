/** Calls to the tools. Addresses are relative to the page's own, below any mount. */

const base = `${document.body.dataset['base'] ?? ''}/api`;

export const EVENTS = `${base}/events`;

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>}
 */
export async function call(path, init) {
  const answer = await fetch(`${base}${path}`, { cache: 'no-store', ...init });
  if (answer.status === 204) return undefined;
  const isJson = (answer.headers.get('content-type') ?? '').includes('json');
  const body = isJson ? await answer.json() : undefined;
  if (!answer.ok) throw new Error(body?.detail ?? `The service answered ${answer.status}.`);
  return body;
}
