/**
 * A rolling restart loses nothing: one process after the other is replaced under load. Nobody asks
 * twice: what is lost would be lost. Clients make trips and delete all but the last, some of them
 * over a slow line, and sockets come back by themselves.
 */
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { type Answered, ask, type Question } from '../ask.ts';
import { type Check, type Finding, tally, until } from '../check.ts';
import { type Fleet, keyOf, OWNERS } from '../fleet.ts';
import { type LiveClient, liveClient } from '../live-client.ts';

const CLIENTS = 9;
/** Some of the owners' lines are slow: their bodies take this long. */
const SLOW_CLIENTS = 3;
const SLOW_MS = 700;
const SOCKETS = 6;
/** How long a client rests between two requests: the processes are not what is measured here. */
const REST_MS = 20;
const CHANNEL = 'weather/0';

export const rollingRestart: Check = async (fleet) => {
  const { balancer } = fleet;
  const faultsBefore = balancer.faults.length;
  const load = new Load(balancer.url);
  const sockets = Array.from({ length: SOCKETS }, () => liveClient(balancer.url, OWNERS[1]!));
  try {
    await Promise.all(sockets.map((socket) => socket.listen(CHANNEL)));
    const loading = Promise.all(
      OWNERS.slice(0, CLIENTS).map((owner, at) => load.use(owner, at < SLOW_CLIENTS)),
    );
    const codes = await replaceAll(fleet, load);
    load.over = true;
    await loading;
    return [
      answered(load, balancer.faults.slice(faultsBefore), codes),
      await halfDone(fleet, load),
      await comeBack(sockets),
    ];
  } finally {
    load.over = true;
    for (const { client } of sockets) client.close();
  }
};

/** What clients ask for while processes come and go. */
class Load {
  over: boolean = false;
  /** How each request ended: a status, with the code of a problem, or what broke. */
  readonly outcomes: string[] = [];
  failed: number = 0;
  slow: number = 0;
  /** Trips that were made, and not deleted: as clients were told. */
  readonly kept: Set<string> = new Set();
  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Makes trips, one after the other on one connection, and deletes each but the last. */
  async use(owner: string, isSlow: boolean): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const key = keyOf(owner);
    const body = { name: 'restarted', stops: [] };
    let last: string | undefined;
    while (!this.over) {
      const pauseMs = isSlow ? SLOW_MS : undefined;
      const made = await this.ask('/api/trips', { method: 'POST', key, agent, body, pauseMs });
      if (made?.status === 201 && isSlow) this.slow++;
      const next = made?.headers['location'] as string | undefined;
      if (next !== undefined) this.kept.add(next);
      if (last !== undefined) {
        const gone = await this.ask(last, { method: 'DELETE', key, agent });
        if (gone?.status === 204) this.kept.delete(last);
      }
      last = next;
    }
    agent.destroy();
  }

  private async ask(path: string, question: Question): Promise<Answered | undefined> {
    try {
      await delay(REST_MS);
      const answer = await ask(this.url + path, question);
      const isGood = answer.status < 400;
      this.count(isGood ? String(answer.status) : `${answer.status} ${codeOf(answer)}`, isGood);
      return answer;
    } catch (error) {
      this.count((error as NodeJS.ErrnoException).code ?? String(error), false);
      return undefined;
    }
  }

  private count(outcome: string, isGood: boolean): void {
    this.outcomes.push(outcome);
    if (!isGood) this.failed++;
  }
}

function codeOf({ text }: Answered): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? 'of the balancer';
}

/** Starts a new process, ends the oldest, and so on; their exit codes. */
async function replaceAll(fleet: Fleet, load: Load): Promise<(number | null)[]> {
  const codes: (number | null)[] = [];
  for (const old of fleet.processes.slice()) {
    const before = load.outcomes.length;
    await fleet.start();
    codes.push(await fleet.end(old));
    // Load, and not the silence after a crash.
    if (load.outcomes.length === before) throw new Error('Nobody was answered meanwhile.');
  }
  return codes;
}

function answered(load: Load, faults: readonly string[], codes: (number | null)[]): Finding {
  const { outcomes, failed, slow } = load;
  const resets = faults.length;
  return {
    check: 'a rolling restart loses no request',
    done: `${codes.length} processes replaced under ${outcomes.length} requests, ${slow} of them slow`,
    expected: '0 failed, 0 connections reset, every process ends with 0',
    seen: `${failed} failed (${tally(outcomes)}), ${resets} reset, ended with ${codes.join(', ')}`,
    holds: failed === 0 && resets === 0 && slow > 0 && codes.every((code) => code === 0),
  };
}

/** What is in the database is what clients were told. */
async function halfDone({ sql }: Fleet, { kept }: Load): Promise<Finding> {
  const { rows } = await sql.query<{ address: string }>(
    `select '/api/trips/' || id as address from trips where name = 'restarted'`,
  );
  const found = rows.map(({ address }) => address).toSorted();
  return {
    check: 'and leaves nothing half done',
    done: `${CLIENTS} clients made trips and deleted all but the last`,
    expected: `${kept.size} trips, those of which they were told`,
    seen: `${found.length} trips`,
    holds: found.join() === [...kept].toSorted().join(),
  };
}

/** Every socket has lost its process once, and hears what is published afterwards. */
async function comeBack(sockets: readonly LiveClient[]): Promise<Finding> {
  const isBack = ({ client, connects }: LiveClient): boolean =>
    client.state === 'open' && connects > 1;
  await until(() => sockets.every(isBack), 50);
  const back = sockets.filter(isBack).length;
  return {
    check: 'and sockets come back',
    done: `${SOCKETS} sockets through the balancer`,
    expected: `${SOCKETS} are open again`,
    seen: `${back} are open, connected ${sockets.reduce((sum, { connects }) => sum + connects, 0)} times`,
    holds: back === SOCKETS,
  };
}
