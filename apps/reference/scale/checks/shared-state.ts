/** What one process has found out about others, all of them know: who attacks, and what is down. */
import { ask, told, TOKEN } from '../ask.ts';
import { type Check, inMs, until } from '../check.ts';
import { type Fleet, THREATS } from '../fleet.ts';

const ATTACKER = '198.51.100.7';
const CIRCUIT = 'weather:circuit';

export const sharedState: Check = async (fleet) => [await reputation(fleet), await circuit(fleet)];

async function reputation({ processes }: Fleet) {
  const [first, ...others] = processes;
  const attack = `${first!.url}/api/cities?q=${encodeURIComponent(`x' UNION SELECT password FROM users--`)}`;
  for (let sent = 0; sent < THREATS; sent++) await ask(attack, { from: ATTACKER });
  const isRefused = async ({ url }: { readonly url: string }): Promise<boolean> => {
    const { status, text } = await ask(`${url}/api/countries/FR`, { from: ATTACKER });
    return status === 403 && text.includes('ERR_ADDRESS_BLOCKED');
  };
  const tookMs = await until(async () =>
    (await Promise.all(others.map(isRefused))).every((refused) => refused),
  );
  return {
    check: 'who attacks one is blocked by all',
    done: `${THREATS} attacks on one process`,
    expected: 'refused by the others',
    seen: `refused by ${tookMs === undefined ? 'not all' : 'all'}, ${inMs(tookMs)} after`,
    holds: tookMs !== undefined,
  };
}

async function circuit(fleet: Fleet) {
  const { processes, sql } = fleet;
  const [first, ...others] = processes;
  const { rows } = await sql.query<{ id: number }>('select id from cities order by id limit 40');
  await fleet.weather({ errorRatio: 1 });
  let asked = 0;
  for (const { id } of rows) {
    if ((await stateAt(first!.url)) === 'open') break;
    await ask(`${first!.url}/api/cities/${id}/weather`);
    asked++;
  }
  const tookMs = await until(async () =>
    (await Promise.all(others.map(({ url }) => stateAt(url)))).every((state) => state === 'open'),
  );
  await fleet.weather();
  // Each finds out for itself that it works again.
  const [{ id } = { id: 0 }] = rows.slice(-1);
  const recovered = await until(async () => {
    const answers = await Promise.all(
      processes.map(({ url }) => ask(`${url}/api/cities/${id}/weather`)),
    );
    return answers.every(({ status }) => status === 200);
  }, 50);
  return {
    check: 'a circuit opens for all',
    done: `the weather service down, ${asked} requests to one process`,
    expected: 'open in the others, which have not asked; closed again afterwards',
    seen: `open in ${tookMs === undefined ? 'not all' : 'all'}, ${inMs(tookMs)} after; good again after ${inMs(recovered)}`,
    holds: tookMs !== undefined && recovered !== undefined,
  };
}

/** As statistics tell it. */
interface Statistics {
  readonly components: Readonly<
    Record<string, { readonly breakers: Readonly<Record<string, { readonly state: string }>> }>
  >;
}

async function stateAt(url: string): Promise<string | undefined> {
  const { components } = await told<Statistics>(
    ask(`${url}/api/middleware/stats`, { token: TOKEN }),
    200,
  );
  return components[CIRCUIT]?.breakers[CIRCUIT]?.state;
}
