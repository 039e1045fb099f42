/** A service over a store whose server crashes; it says on its output how calls went, and ends by itself. */
import { redisStore } from '@org/redis';

const store = redisStore({ url: process.argv[2], timeoutMs: 100 });
const answers = new Map<string, number>();
const stop = new AbortController();
const say = (line: string): void => void process.stdout.write(`${line}\n`);
let isAway = false;

process.on('unhandledRejection', (reason) => {
  say(`unhandled ${String(reason)}`);
  process.exitCode = 1;
});

async function ask(): Promise<void> {
  while (!stop.signal.aborted) {
    for (const call of [
      () => store.get('key'),
      () => store.set('key', Buffer.from('value'), 10_000),
      () => store.add('counter', 1, 10_000),
      () => store.bump(['tag']),
      () => store.publish('channel', Buffer.from('message')),
    ]) {
      let answer = 'answered';
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other, as a request would
        await call();
      } catch (error) {
        answer = (error as { code?: string }).code ?? String(error);
      }
      if (isAway && answer === 'answered') say('back');
      isAway = answer !== 'answered';
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    // oxlint-disable-next-line no-await-in-loop -- leaves the event loop to others
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

await store.start();
await store.subscribe('channel', () => undefined);
const asking = Promise.all([ask(), ask(), ask()]);
say('ready');
process.stdin.once('data', () => {
  stop.abort();
  void asking.then(async () => {
    await store.close();
    say(JSON.stringify(Object.fromEntries(answers)));
    process.stdin.destroy();
  });
});
