/** The service's own API, as the page asks it. */

/** A place on the map. */
export interface City {
  readonly id: number;
  readonly name: string;
  readonly country: string;
  readonly population: number;
  readonly latitude: number;
  readonly longitude: number;
}

/** Something went wrong, in words for whoever looks at the page. */
export class Refusal extends Error {}

/** Asks; `body` is sent as JSON, and `keepalive` has it done although the page goes. @throws Refusal with what the problem document says */
export async function ask<T>(
  method: string,
  path: string,
  { key, body, keepalive = false }: { key?: string; body?: object; keepalive?: boolean } = {},
): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (key !== undefined) headers['x-api-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      keepalive,
    });
    const text = await response.text();
    answer = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new Refusal('The service does not answer.');
  }
  if (response.ok) return answer as T;
  const { detail, title } = (answer ?? {}) as { detail?: string; title?: string };
  throw new Refusal(detail ?? title ?? `The service answers ${response.status}.`);
}
