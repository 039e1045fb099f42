/** An invalidation reaches all: what one process has changed, none of them shows as it was. */
import { ask, told } from '../ask.ts';
import { type Check, inMs, until } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';

const CHANGES = 5;
/** As a balancer hands it on. */
const HOST = 'places.example';

interface City {
  readonly id: number;
  readonly population: number;
}

export const invalidation: Check = async (fleet) => {
  const first = fleet.processes[0]!;
  const { items } = await told<{ items: readonly City[] }>(
    ask(`${first.url}/api/cities?limit=${CHANGES}`, { host: HOST }),
    200,
  );
  let slowestMs: number | undefined = 0;
  for (const [at, { id, population }] of items.entries()) {
    await warm(fleet, id);
    const { status } = await ask(
      `${fleet.processes[at % fleet.processes.length]!.url}/api/cities/${id}`,
      { method: 'PATCH', host: HOST, key: keyOf(OWNERS[0]!), body: { population: population + 1 } },
    );
    if (status !== 200) throw new Error(`PATCH answered ${status}`);
    const tookMs = await until(async () => {
      const shown = await Promise.all(fleet.processes.map(({ url }) => cityAt(url, id)));
      return shown.every((city) => city.population === population + 1);
    });
    slowestMs = tookMs === undefined ? undefined : Math.max(slowestMs, tookMs);
    if (slowestMs === undefined) break;
  }
  return [
    {
      check: 'an invalidation reaches all',
      done: `${CHANGES} cities, kept by every process, changed through one`,
      expected: 'all processes show what is new',
      seen: `${inMs(slowestMs)} after the answer, at most`,
      holds: slowestMs !== undefined,
    },
  ];
};

/** Has every process keep a city: each answers from what it has. */
async function warm({ processes }: Fleet, id: number): Promise<void> {
  const hits = async (): Promise<boolean> => {
    const answers = await Promise.all(
      processes.map(({ url }) => ask(`${url}/api/cities/${id}`, { host: HOST })),
    );
    return answers.every(({ headers }) => String(headers['cache-status']).includes('hit'));
  };
  if ((await until(hits)) === undefined) throw new Error(`Not every process keeps the city ${id}.`);
}

function cityAt(url: string, id: number): Promise<City> {
  return told<City>(ask(`${url}/api/cities/${id}`, { host: HOST }), 200);
}
