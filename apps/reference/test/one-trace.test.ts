/** One trace goes through what a request sets going: its access line, its job, and what a socket tells of that. */
import { connect, type EventInfo } from '@org/websocket/client';
import { WebSocket } from 'ws';

import { PART, type Service, start } from './service.ts';

const ADA = { 'x-api-key': 'demo-key-of-ada' };
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';
const CITIES = [3435910, 2179537, 3448439, 2193733];

interface Line {
  readonly msg: string;
  readonly requestId: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly [name: string]: unknown;
}

interface Told {
  readonly ratio: number;
  readonly detail: { readonly order: readonly number[]; readonly lengthKm: number };
  readonly info: EventInfo;
}

// Where async code is followed, and where it is not: a job knows its request either way.
describe.each(['false', 'true'])('with ENABLE_ASYNC_CONTEXT=%s', (followed) => {
  let service: Service;
  beforeAll(async () => {
    service = await start({
      ...PART,
      MIN_POPULATION: '100000',
      DATA_DIR: ':memory:',
      ENABLE_ASYNC_CONTEXT: followed,
    });
  });
  afterAll(async () => {
    await service?.stop();
  });

  /** The line of the log that says this; lines wait for others before they are written. */
  async function line(msg: string, also: (line: Line) => boolean = () => true): Promise<Line> {
    for (;;) {
      const found = service
        .output()
        .split('\n')
        .filter((text) => text.startsWith('{'))
        .map((text) => JSON.parse(text) as Line)
        .find((one) => one.msg === msg && also(one));
      if (found !== undefined) return found;
      await new Promise((resolve) => service.process.stdout!.once('data', resolve));
    }
  }

  test('the access line of a request, its job and the events of that are in the caller’s trace', async () => {
    const stops = CITIES.map((cityId, at) => {
      const day = `2027-05-0${at + 1}`;
      return { cityId, arrivesOn: day, leavesOn: day };
    });
    const made = await service.send('POST', '/api/trips', { name: 'Traced', stops }, ADA);
    const { id } = made.body as unknown as { id: string };
    const client = connect(`${service.url.replace('http', 'ws')}/live`, {
      WebSocket,
      token: () => ADA['x-api-key'],
    });
    const told: Told[] = [];
    let end = (): void => undefined;
    const isDone = new Promise<void>((resolve) => (end = resolve));
    await new Promise<void>((resolve, reject) => {
      client.subscribe<Told>(`trips/${id}`, {
        onReady: resolve,
        onEvent(progress, info) {
          told.push({ ...progress, info });
          if (progress.ratio === 1) end();
        },
        onError: reject,
      });
    });
    const asked = await service.send('POST', `/api/trips/${id}/route`, undefined, {
      ...ADA,
      traceparent: `00-${TRACE_ID}-${CALLER}-01`,
      'x-request-id': 'asked-by-a-test',
    });
    expect([asked.status, asked.headers.get('x-request-id')]).toEqual([202, 'asked-by-a-test']);
    await isDone;
    client.close();

    const named = { requestId: 'asked-by-a-test', traceId: TRACE_ID };
    const access = await line('request', ({ route }) => route === '/api/trips/:id/route');
    expect(access).toMatchObject({ ...named, method: 'POST', status: 202, principal: 'ada' });
    const job = await line('route found');
    expect(job).toMatchObject({ ...named, logger: 'trips', tripId: id });
    const carriers = told.map(({ info }) => info.carrier as Readonly<Record<string, string>>);
    expect(carriers.length).toBeGreaterThan(1);
    const [, ...spans] = [CALLER, access.spanId, job.spanId];
    for (const carrier of carriers) {
      expect(carrier['x-request-id']).toBe('asked-by-a-test');
      const [, traceId, span, flags] = carrier['traceparent']!.split('-');
      expect([traceId, flags]).toEqual([TRACE_ID, '01']);
      spans.push(span!);
    }
    // Each has a place of its own in the trace.
    expect(new Set([CALLER, ...spans]).size).toBe(spans.length + 1);

    // What is told is what was found.
    const last = told.at(-1)!.detail;
    expect(last).toMatchObject({ order: expect.arrayContaining([0, 1, 2, 3]) });
    expect(last.lengthKm).toBe(job['lengthKm']);
    expect(told.map(({ ratio }) => ratio)).toEqual(
      told.map(({ ratio }) => ratio).toSorted((one, other) => one - other),
    );
  });
});
