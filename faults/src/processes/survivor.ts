/** Every user of a store in one process, which is to survive its server's crashes. It is asked nothing: it works by itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Dice } from '../dice.ts';
import { Load } from '../load.ts';
import { keepOpen } from '../service.ts';
import { USERS } from '../users/index.ts';

const url = process.env['REDIS_URL']!;
const dice = new Dice(Number(process.env['SEED']));
const subjects = await Promise.all(USERS.map((user) => user.start({ address: { url }, dice })));
const loads = subjects.map((subject) => new Load(() => subject.ask(), 25));

/** Answers whether all share again, and with what statuses nobody should have been answered. */
async function state(): Promise<object> {
  const shared = await Promise.all(subjects.map(async (subject) => subject.isShared()));
  const wrong = subjects.flatMap(({ allowed }, at) =>
    loads[at]!.samples.filter(({ status }) => !allowed.has(status)).map(
      ({ status }) => `${USERS[at]!.name}: ${status}`,
    ),
  );
  return {
    isShared: shared.every(Boolean),
    requests: loads.map(({ samples }) => samples.length),
    wrong,
  };
}

const server = createServer((_req, res) => {
  state().then(
    (told) => res.end(JSON.stringify(told)),
    (error: unknown) => res.writeHead(500).end(String(error)),
  );
}).listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
keepOpen(server);
