/** A socket hears what another process publishes: the weather of cities, and how far a job has come. */
import { ask, told } from '../ask.ts';
import { type Check, inMs, until } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';
import { type LiveClient, liveClient } from '../live-client.ts';

const CITIES = 10;
const OWNER = OWNERS[1]!;

export const sockets: Check = async (fleet) => {
  const clients = fleet.processes.map(({ url }) => liveClient(url, OWNER));
  try {
    return [await weather(fleet, clients), await progress(fleet, clients)];
  } finally {
    for (const { client } of clients) client.close();
  }
};

/** One client of each process listens to all cities; each is asked for through one process. */
async function weather({ processes, sql }: Fleet, clients: readonly LiveClient[]) {
  const { rows } = await sql.query<{ id: number }>(
    'select id from cities order by population limit $1',
    [CITIES],
  );
  await Promise.all(
    clients.flatMap((client) => rows.map(({ id }) => client.listen(`weather/${id}`))),
  );
  const published = await Promise.all(
    rows.map(({ id }, at) =>
      weatherOf(`${processes[at % processes.length]!.url}/api/cities/${id}/weather`),
    ),
  );
  const wanted = clients.length * CITIES;
  const countOf = (client: LiveClient): number =>
    rows.reduce((sum, { id }) => sum + eventsOf(client, id).length, 0);
  const heard = (): number => clients.reduce((sum, client) => sum + countOf(client), 0);
  // What Redis was too busy to take in time is lost, and its listeners are told.
  const isWhole = (client: LiveClient): boolean => countOf(client) === CITIES || client.gaps > 0;
  const tookMs = await until(() => heard() >= wanted);
  const same = clients.every((client) =>
    rows.every(({ id }, at) =>
      eventsOf(client, id).every(
        (event) => JSON.stringify(event) === JSON.stringify(published[at]),
      ),
    ),
  );
  const gaps = clients.reduce((sum, client) => sum + client.gaps, 0);
  return {
    check: 'a socket hears other processes',
    done: `${CITIES} events, each published by one, ${clients.length} sockets at different ones`,
    expected: `${wanted} heard, or told to be missing; as they were published`,
    seen: `${heard()} heard${same ? '' : ', not the same'}, ${gaps} missing, ${inMs(tookMs)} after the last`,
    holds: same && heard() > 0 && heard() <= wanted && clients.every(isWhole),
  };
}

/** Asks until it is known: a busy machine may be too late for the time limit of a call. */
async function weatherOf(url: string): Promise<unknown> {
  let answer = await ask(url);
  await until(async () => {
    if (answer.status !== 200) answer = await ask(url);
    return answer.status === 200;
  }, 200);
  return JSON.parse(answer.text);
}

function eventsOf({ heard }: LiveClient, id: number): readonly unknown[] {
  return heard.get(`weather/${id}`) ?? [];
}

/** A job that one process was asked for, and any works on, is followed at all of them. */
async function progress({ processes, sql }: Fleet, clients: readonly LiveClient[]) {
  const { rows } = await sql.query<{ id: number }>('select id from cities order by id limit 10');
  const day = '2027-01-01';
  const key = keyOf(OWNER);
  const { id } = await told<{ id: string }>(
    ask(`${processes[0]!.url}/api/trips`, {
      method: 'POST',
      key,
      body: {
        name: 'followed',
        stops: rows.map((city) => ({ cityId: city.id, arrivesOn: day, leavesOn: day })),
      },
    }),
    201,
  );
  const channel = `trips/${id}`;
  await Promise.all(clients.map((client) => client.listen(channel)));
  await ask(`${processes.at(-1)!.url}/api/trips/${id}/route`, { method: 'POST', key });
  const isOver = ({ heard }: LiveClient): boolean =>
    (heard.get(channel) ?? []).some((event) => (event as { ratio: number }).ratio === 1);
  const tookMs = await until(() => clients.every(isOver));
  const [first = '', ...others] = clients.map(({ heard }) => JSON.stringify(heard.get(channel)));
  const events = clients[0]!.heard.get(channel)!.length;
  const same = others.every((other) => other === first);
  const twice = new Set((JSON.parse(first) as unknown[]).map((event) => JSON.stringify(event)));
  return {
    check: 'a job is followed from anywhere',
    done: `1 job, asked for through one, followed at ${clients.length}`,
    expected: 'the same steps everywhere, each once, to the end',
    seen: `${events} steps${same ? ' everywhere' : ', not the same'}, ${twice.size} different, ${inMs(tookMs)} after`,
    holds: same && tookMs !== undefined && twice.size === events,
  };
}
