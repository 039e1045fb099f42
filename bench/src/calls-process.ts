/** The process in which calls are measured: `calls-process.js <name> <rounds>`, samples as JSON. */
import type { Contestant, Contestants } from './calls.ts';
import { interleave, type Sample } from './round.ts';

/** How long a turn takes about, in ms: long enough that collecting garbage is part of it. */
const TURN_MS = 200;
/** Turns of each that compile and are not counted. */
const WARM_UP_TURNS = 3;

const [name = '', rounds = ''] = process.argv.slice(2);
const module = (await import(new URL(`calls/${name}.js`, import.meta.url).href)) as {
  readonly contestants: Contestants;
};
const { contestants } = module;
const turn = async (contender: string): Promise<Sample> => {
  const contestant = contestants[contender]!;
  const nanos = await nanosOf(contestant);
  return { nanos, ...contestant.figures?.() };
};
await interleave(Object.keys(contestants), WARM_UP_TURNS, turn);
const samples = await interleave(Object.keys(contestants), Number(rounds), turn);
for (const { close } of Object.values(contestants)) await close?.();
console.log(JSON.stringify(Object.fromEntries(samples)));

async function nanosOf({ run, calls }: Contestant): Promise<number> {
  const begun = process.hrtime.bigint();
  const until = begun + BigInt(TURN_MS * 1_000_000);
  let runs = 0;
  let now = begun;
  while (now < until) {
    await run();
    runs++;
    now = process.hrtime.bigint();
  }
  return Number(now - begun) / (runs * calls);
}
