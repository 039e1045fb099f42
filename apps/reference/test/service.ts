/** The service as its users run it: a process of its own, asked through a socket. */
import { launch, listening, type ServiceProcess } from '../scale/process.ts';

export { launch };

/** An answer as tests look at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

/** Members that bodies of this API have. */
export interface Body {
  readonly items: readonly Item[];
  readonly next: string | null;
  readonly [name: string]: unknown;
}

export interface Item {
  readonly id: number;
  readonly [name: string]: unknown;
}

export interface Service extends ServiceProcess {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  send(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

/** Enough for tests, and on both sides of the 180th meridian. All tests are one client: limits have tests of their own. */
export const PART: Readonly<Record<string, string>> = Object.freeze({
  MIN_POPULATION: '2000',
  ONLY_COUNTRIES: 'AR,BR,FJ,NZ,RU',
  ENABLE_RATE_LIMIT: 'false',
  // Whoever asks for a statement again and again from one line is found out here.
  N_PLUS_ONE: 'throw',
});

/** Whoever asks for two hundred trips at once has them made, however slow the machine: what is refused under load has tests of its own. */
export const UNQUEUED: Readonly<Record<string, string>> = Object.freeze({
  ...PART,
  ENABLE_QUEUE: 'false',
  REQUEST_TIMEOUT: '240',
});

/** Starts the service and waits until it listens. */
export async function start(env: Readonly<Record<string, string>>): Promise<Service> {
  const service = await listening(launch(env));

  const send: Service['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(service.url + path, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson && text !== '' ? JSON.parse(text) : {}) as Body,
    };
  };

  return {
    ...service,
    send,
    get: (path, headers) => send('GET', path, undefined, headers),
  };
}
