/**
 * One duplicate runs once, whichever process it reaches: a trip, whose key is kept in the
 * transaction that makes it, and a change of one, whose key is claimed in Redis.
 */
import { ask, type Question, told } from '../ask.ts';
import { type Check, tally } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';

/** How often each is sent at once. */
const DUPLICATES = 12;
/** An owner may have two hundred trips. */
const MOST_KEYS = 1000;

export const duplicates: Check = async (fleet) => {
  const keys = Math.min(MOST_KEYS, Math.ceil(fleet.size.requests / 10));
  return [await made(fleet, keys), await changed(fleet, keys)];
};

async function made(fleet: Fleet, keys: number) {
  const statuses = await fire(fleet, keys, (at) => ({
    path: '/api/trips',
    method: 'POST',
    owner: OWNERS[at % OWNERS.length]!,
    key: `make-${at}`,
    body: { name: `once ${at}`, stops: [] },
  }));
  const { rows } = await fleet.sql.query<{ trips: string }>(
    `select count(*) as trips from trips where name like 'once %'`,
  );
  const trips = Number(rows[0]!.trips);
  return {
    check: 'a duplicate runs once (Postgres)',
    done: `${keys} trips × ${DUPLICATES} at once`,
    expected: `${keys} rows, all answered 201`,
    seen: `${trips} rows; ${tally(statuses)}`,
    holds: trips === keys && statuses.every((status) => status === 201),
  };
}

async function changed(fleet: Fleet, keys: number) {
  const owner = OWNERS[0]!;
  const { id } = await told<{ id: string }>(
    ask(`${fleet.balancer.url}/api/trips`, {
      method: 'POST',
      key: keyOf(owner),
      body: { name: 'to be changed', stops: [] },
    }),
    201,
  );
  await fleet.sql.query(`
    create table if not exists changes (trip uuid, name text);
    create or replace function note_change() returns trigger language plpgsql as
      $$ begin insert into changes values (new.id, new.name); return new; end $$;
    create or replace trigger note_change after update on trips
      for each row execute function note_change()`);
  const statuses = await fire(fleet, keys, (at) => ({
    path: `/api/trips/${id}`,
    method: 'PATCH',
    owner,
    key: `change-${at}`,
    body: { name: `changed ${at}` },
  }));
  const { rows } = await fleet.sql.query<{ changes: string; names: string }>(
    'select count(*) as changes, count(distinct name) as names from changes where trip = $1',
    [id],
  );
  const { changes, names } = rows[0]!;
  return {
    check: 'a duplicate runs once (Redis)',
    done: `${keys} changes × ${DUPLICATES} at once`,
    expected: `${keys} updates; 200, or 409 while the first is at work`,
    seen: `${changes} updates; ${tally(statuses)}`,
    holds:
      Number(changes) === keys &&
      Number(names) === keys &&
      statuses.every((status) => status === 200 || status === 409),
  };
}

interface Sent {
  readonly path: string;
  readonly method: string;
  readonly owner: string;
  readonly key: string;
  readonly body: object;
}

/** Each to all processes at once, one key after the other. */
async function fire(
  { processes }: Fleet,
  keys: number,
  sentFor: (at: number) => Sent,
): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < keys; at++) {
    const { path, method, owner, key, body } = sentFor(at);
    const question = { method, key: keyOf(owner), idempotencyKey: key, body };
    const answers = Array.from({ length: DUPLICATES }, (_, copy) =>
      answerOf(processes[copy % processes.length]!.url + path, question),
    );
    statuses.push(...(await Promise.all(answers)));
  }
  return statuses;
}

/** Where Redis does not answer in time nothing is run, and the client is told to come back. */
async function answerOf(url: string, question: Question): Promise<number> {
  for (;;) {
    const { status } = await ask(url, question);
    if (status !== 503) return status;
  }
}
