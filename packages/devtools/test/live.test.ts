import { get, type IncomingMessage } from 'node:http';

import { closeTools, startTools, type Tools } from './tools.ts';

afterEach(closeTools);

interface Tab {
  readonly response: IncomingMessage;
  /** The next event. */
  next(): Promise<{ readonly event: string; readonly data: unknown }>;
  readonly ended: Promise<boolean>;
}

function open({ url }: Tools): Promise<Tab> {
  return new Promise((resolve, reject) => {
    get(`${url}/devtools/api/events`, { agent: false }, (response) => {
      const heard: string[] = [];
      let text = '';
      let wake = (): void => undefined;
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
        const blocks = text.split('\n\n');
        text = blocks.pop()!;
        heard.push(...blocks.filter((block) => block.startsWith('event: ')));
        wake();
      });
      response.on('error', () => undefined);
      resolve({
        response,
        ended: new Promise((settle) => response.on('close', () => settle(response.complete))),
        async next() {
          while (heard.length === 0) await new Promise<void>((go) => (wake = go));
          const [event, data] = heard.shift()!.split('\n');
          return { event: event!.slice(7), data: JSON.parse(data!.slice(6)) as unknown };
        },
      });
    }).on('error', reject);
  });
}

const routes: Parameters<typeof startTools>[0]['routes'] = (app) =>
  void app.get('/', (_req, res) => void res.send('fine'));

describe('open pages', () => {
  it('hear of every exchange, of its replays, and of a list that was cleared', async () => {
    const tools = await startTools({ routes });
    const tab = await open(tools);
    await fetch(tools.url);
    expect(await tab.next()).toMatchObject({ event: 'exchange', data: { id: '1', status: 200 } });
    await tools.api('/exchanges/1/replay', { method: 'POST' });
    expect(await tab.next()).toMatchObject({ event: 'exchange', data: { id: '1', changes: 0 } });
    await tools.api('/exchanges', { method: 'DELETE' });
    expect(await tab.next()).toEqual({ event: 'cleared', data: {} });
    tab.response.destroy();
  });

  it('are as many as there are places', async () => {
    const tools = await startTools({ routes, whole: [], options: { maxTabs: 1 } });
    const tab = await open(tools);
    expect(tools.parts[0]!.stats!()).toMatchObject({ tabs: 1 });
    expect(await tools.api('/events')).toMatchObject({
      code: 'ERR_DEVTOOLS_UNAVAILABLE',
      status: 503,
    });
    tab.response.destroy();
    while (tools.parts[0]!.stats!()['tabs'] !== 0) await new Promise((go) => setImmediate(go));
    (await open(tools)).response.destroy();
  });

  it('are let go when the tools close, and when the service begins to end', async () => {
    const alone = await startTools({ routes });
    const one = await open(alone);
    await alone.parts[0]!.close?.();
    expect(await one.ended).toBe(true);
    expect(alone.clock.pending).toBe(0);

    const whole = await startTools({ routes, whole: [] });
    const other = await open(whole);
    const closing = whole.stack!.close();
    expect(await other.ended).toBe(true);
    await closing;
  });

  it('that take nothing are cut off', async () => {
    const tools = await startTools({
      options: { maxExchanges: 1 },
      routes: (app) => app.get('/:x', (_req, res) => void res.send('fine')),
    });
    const tab = await open(tools);
    tab.response.pause();
    const isThere = (): boolean => tools.parts[0]!.stats!()['tabs'] === 1;
    const long = 'x'.repeat(12_000);
    while (isThere()) await fetch(`${tools.url}/${long}`);
    expect(isThere()).toBe(false);
    tab.response.destroy();
  });
});
