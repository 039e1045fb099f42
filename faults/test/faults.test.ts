/** Every fault, with every user of a store at work over the same server. */
import { withRedis } from 'test-servers/redis';

import { Dice } from '../src/dice.ts';
import { type Fault, FAULTS } from '../src/faults.ts';
import { type Timing, type Trial, tryFault } from '../src/trial.ts';
import { USERS } from '../src/users/index.ts';
import { SEED } from './seed.ts';

/** On a busy machine the packages' own limits take a store for away that is not. */
const PATIENT_MS = 500;
const TIMING: Timing = {
  everyMs: 25,
  callMs: PATIENT_MS,
  quietMs: 250,
  firstMs: 250,
  laterMs: 250,
  afterMs: 250,
};

withRedis('what becomes of its users when it fails', () => {
  describe(`SEED=${SEED}`, () => {
    const live = (fault: Fault): Promise<Trial> => tryFault(fault, USERS, new Dice(SEED), TIMING);

    test.each(FAULTS.map((fault) => [fault.name, fault] as const))(
      'a store that is %s: every user keeps its policy, and shares again afterwards',
      async (_name, fault) => {
        const { outcomes } = await live(fault);
        expect(outcomes.map(({ user }) => user)).toEqual(USERS);
        for (const { user, findings, samples } of outcomes) {
          expect([user.name, findings.broken]).toEqual([user.name, []]);
          expect([user.name, samples.length]).not.toEqual([user.name, 0]);
        }
        // Those who ask a store that is away are refused at once, and nobody waits.
        const withStores = outcomes.filter(({ user }) => user.name !== 'tasks');
        const calls = withStores.map(({ callsWhileOpen }) => callsWhileOpen);
        expect(calls).toEqual(withStores.map(() => (fault.isAway ? 0 : undefined)));
      },
    );
  });
});
