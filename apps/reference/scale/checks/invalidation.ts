/** An invalidation reaches all: what one process has changed, none of them shows as it was. */
import { ask, told } from '../ask.ts';
import { type Check, inMs, until } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';

const CHANGES = 5;
/** As a balancer hands it on. */
const HOST = 'places.example';
/** What the service promises: a message of the bus that was lost is noticed within a second. */
const WITHIN_MS = 1500;

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
  let hits = 0;
  let slowestMs: number | undefined = 0;
  for (const [at, { id, population }] of items.entries()) {
    hits += await warm(fleet, id);
    const { status } = await ask(
      `${fleet.processes[at % fleet.processes.length]!.url}/api/cities/${id}`,
      { method: 'PATCH', host: HOST, key: keyOf(OWNERS[0]!), body: { population: population + 1 } },
    );
    if (status !== 200) throw new Error(`PATCH answered ${status}`);
    const tookMs = await until(async () => {
      const shown = await Promise.all(fleet.processes.map(({ url }) => cityAt(url, id)));
      return shown.every((city) => city.population === population + 1);
    });
    slowestMs =
      tookMs === undefined || slowestMs === undefined ? undefined : Math.max(slowestMs, tookMs);
  }
  const wanted = CHANGES * fleet.processes.length;
  return [
    {
      check: 'an invalidation reaches all',
      done: `${CHANGES} cities, kept by every process, changed through one`,
      expected: `${wanted} hits before, the new one within ${WITHIN_MS} ms`,
      seen: `${hits} hits; ${inMs(slowestMs)} at most`,
      holds: hits === wanted && slowestMs !== undefined && slowestMs <= WITHIN_MS,
    },
  ];
};

/** Has every process keep a city; how many have it. */
async function warm({ processes }: Fleet, id: number): Promise<number> {
  const answers = await Promise.all(
    processes.map(async ({ url }) => {
      await cityAt(url, id);
      return ask(`${url}/api/cities/${id}`, { host: HOST });
    }),
  );
  return answers.filter(({ headers }) => String(headers['cache-status']).includes('hit')).length;
}

function cityAt(url: string, id: number): Promise<City> {
  return told<City>(ask(`${url}/api/cities/${id}`, { host: HOST }), 200);
}
