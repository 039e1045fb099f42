/** `fetch` and undici through a circuit, against a real server. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { fakeClock, serve, type Served } from '@org/core/testing';
import { type Circuit, circuit, type CircuitOptions } from '@org/circuit';
import { Agent, type Dispatcher, request } from 'undici';

const served: Served[] = [];
const made: Circuit[] = [];
const agents: Dispatcher[] = [];
afterEach(async () => {
  for (const one of made.splice(0)) await one.close();
  for (const agent of agents.splice(0)) await agent.destroy();
  for (const one of served.splice(0)) await one.close();
});

function make(options: Partial<CircuitOptions> = {}): Circuit {
  const one = circuit({
    strategies: ['consecutive'],
    consecutiveFailures: 2,
    clock: fakeClock(),
    ...options,
  });
  made.push(one);
  return one;
}

/** A server whose answers have the status that the path names; `/hang` gets none, `/cut` a connection that breaks. */
async function upstream(): Promise<string> {
  const server: Server = createServer((req, res) => {
    if (req.url === '/hang') return;
    if (req.url === '/cut') {
      req.socket.destroy();
      return;
    }
    if (req.url === '/early') res.writeProcessing();
    res.statusCode = Number(req.url?.slice(1)) || 500;
    res.end('answer');
  });
  const one = await serve(server);
  served.push(one);
  return one.url;
}

const hostOf = (url: string): string => new URL(url).host;

describe('fetch', () => {
  test('has a breaker for each host, and answers as fetch does', async () => {
    const one = make();
    const [bad, good] = [await upstream(), await upstream()];
    const answer = await one.fetch(`${bad}/503`);
    expect([answer.status, await answer.text()]).toEqual([503, 'answer']);
    await one.fetch(new URL(`${bad}/500`));
    await expect(one.fetch(`${bad}/200`)).rejects.toMatchObject({ code: 'ERR_CIRCUIT_OPEN' });
    await expect(one.fetch(new Request(`${bad}/200`))).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
    });
    expect((await one.fetch(new Request(`${good}/200`))).status).toBe(200);
    expect(one.for(hostOf(bad)).state.kind).toBe('open');
    expect(one.for(hostOf(good)).stats()).toMatchObject({ successTotal: 1 });
  });

  test('4xx is no failure, a connection that breaks is one', async () => {
    const one = make();
    const url = await upstream();
    for (let at = 0; at < 3; at++) await one.fetch(`${url}/404`);
    expect(one.for(hostOf(url)).state.kind).toBe('closed');
    for (let at = 0; at < 2; at++)
      await expect(one.fetch(`${url}/cut`)).rejects.toThrow('fetch failed');
    expect(one.for(hostOf(url)).state.kind).toBe('open');
  });

  test('what the caller aborts is no failure, what took longer than he gives it is one', async () => {
    const one = make();
    const url = await upstream();
    for (const asRequest of [false, true, false]) {
      const leaving = new AbortController();
      const init = { signal: leaving.signal };
      const answer = asRequest
        ? one.fetch(new Request(`${url}/hang`, init))
        : one.fetch(`${url}/hang`, init);
      leaving.abort(new Error('changed my mind'));
      await expect(answer).rejects.toThrow('changed my mind');
    }
    expect(one.for(hostOf(url)).stats()).toMatchObject({ state: 'closed', ignoredTotal: 3 });
    for (let at = 0; at < 2; at++) {
      const limited = one.fetch(`${url}/hang`, { signal: AbortSignal.timeout(1) });
      await expect(limited).rejects.toMatchObject({ name: 'TimeoutError' });
    }
    expect(one.for(hostOf(url)).state.kind).toBe('open');
  });

  test('what has no host goes straight on, and what is no URL says so', async () => {
    const one = make();
    expect(await (await one.fetch('data:,hello')).text()).toBe('hello');
    for (let at = 0; at < 3; at++) await expect(one.fetch('nowhere')).rejects.toThrow('parse URL');
    expect(one.stats()).toMatchObject({ count: 1, failureTotal: 0 });
  });

  test('knows a Request also of another fetch', async () => {
    const asked = { url: 'http://weather.example/', signal: new AbortController().signal };
    const one = make({ fetch: async () => Response.json('down', { status: 503 }) });
    await one.fetch(asked as Request);
    expect(one.for('weather.example').stats()).toMatchObject({ failureTotal: 1 });
  });

  test('takes another fetch, and a fallback', async () => {
    const one = make({
      fetch: async () => Promise.reject(new Error('down')),
      fallback: () => new Response('stale'),
    });
    expect(await (await one.fetch('http://weather.example/')).text()).toBe('stale');
    expect(one.for('weather.example').stats()).toMatchObject({ failureTotal: 1, fallbackTotal: 1 });
  });
});

describe('the interceptor', () => {
  const compose = (one: Circuit): Dispatcher => {
    const agent = new Agent();
    agents.push(agent);
    return agent.compose(one.interceptor);
  };

  test('has a breaker for each origin, and passes answers on', async () => {
    const one = make();
    const dispatcher = compose(one);
    const [bad, good] = [await upstream(), await upstream()];
    for (const path of ['503', '500']) {
      const { statusCode, body } = await request(`${bad}/${path}`, { dispatcher });
      expect([statusCode, await body.text()]).toEqual([Number(path), 'answer']);
    }
    expect(one.for(bad).state.kind).toBe('open');
    await expect(request(`${bad}/200`, { dispatcher })).rejects.toMatchObject({
      code: 'ERR_CIRCUIT_OPEN',
    });
    const { statusCode } = await request(`${good}/200`, { dispatcher });
    expect(statusCode).toBe(200);
    expect(one.for(good).stats()).toMatchObject({ successTotal: 1, inflight: 0 });
  });

  test('4xx is no failure, a connection that breaks is one, and what comes early says nothing', async () => {
    const one = make();
    const dispatcher = compose(one);
    const url = await upstream();
    for (const path of ['early', '404', '404']) {
      await (await request(`${url}/${path}`, { dispatcher })).body.dump();
    }
    expect(one.for(url).stats()).toMatchObject({
      state: 'closed',
      successTotal: 2,
      failureTotal: 1,
    });
    for (let at = 0; at < 2; at++) {
      await expect(request(`${url}/cut`, { dispatcher })).rejects.toThrow('other side closed');
    }
    expect(one.for(url).state.kind).toBe('open');
  });

  test('what the caller aborts is no failure, for whatever reason; a time limit is one', async () => {
    const one = make();
    const dispatcher = compose(one);
    const url = await upstream();
    for (const reason of [undefined, new Error('changed my mind'), undefined]) {
      const leaving = new AbortController();
      const arrived = once(served[0]!.server, 'request');
      const answer = request(`${url}/hang`, { dispatcher, signal: leaving.signal });
      await arrived;
      leaving.abort(reason);
      await expect(answer.catch(() => 'given up')).resolves.toBe('given up');
    }
    expect(one.for(url).stats()).toMatchObject({ state: 'closed', ignoredTotal: 3, inflight: 0 });
    const limited = request(`${url}/hang`, { dispatcher, signal: AbortSignal.timeout(20) });
    await expect(limited).rejects.toMatchObject({ name: 'TimeoutError' });
    const limitedByUndici = request(`${url}/hang`, { dispatcher, headersTimeout: 1 });
    await expect(limitedByUndici).rejects.toThrow('Headers Timeout');
    expect(one.for(url).state.kind).toBe('open');
  });

  test('tells of each error once', async () => {
    const one = make({ consecutiveFailures: 1 });
    const dispatcher = compose(one);
    const url = await upstream();
    const errors: Error[] = [];
    const send = (path: string): Promise<void> =>
      new Promise((resolve) => {
        dispatcher.dispatch(
          { origin: new URL(url), path, method: 'GET' },
          {
            onRequestStart: () => undefined,
            onResponseError(_controller, error) {
              errors.push(error);
              setImmediate(resolve);
            },
          },
        );
      });
    await send('/cut');
    await send('/200');
    expect(errors.map((error) => (error as { code?: string }).code)).toEqual([
      'UND_ERR_SOCKET',
      'ERR_CIRCUIT_OPEN',
    ]);
  });

  test('keeps to the bulkhead: who waits is sent when there is a place', async () => {
    const one = make({ maxConcurrent: 1, maxWaiting: 1 });
    const dispatcher = compose(one);
    const url = await upstream();
    const answers = await Promise.allSettled(
      [1, 2, 3].map(async () => (await request(`${url}/200`, { dispatcher })).body.text()),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(one.for(url).stats()).toMatchObject({ successTotal: 2, fullTotal: 1 });
  });
});
