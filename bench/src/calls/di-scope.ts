/**
 * A request's services: a scope, with one service in it that needs another one of the scope and one
 * of the process; made, asked for and ended.
 */
import { asFunction, createContainer } from 'awilix';
import { container } from '@org/di';
import type { Contestant, Contestants } from '../calls.ts';

const CALLS = 1000;

interface Pool {
  readonly query: () => number;
}
interface Session {
  readonly pool: Pool;
}
interface Trips extends Session {
  readonly session: Session;
}

const pool: Pool = { query: () => 1 };

const ours = container()
  .singleton('pool', [], () => pool)
  .scoped('session', ['pool'], (shared): Session => ({ pool: shared }))
  .scoped('trips', ['session', 'pool'], (session, shared): Trips => ({ session, pool: shared }))
  .build();

interface Cradle {
  readonly pool: Pool;
  readonly session: Session;
  readonly trips: Trips;
}
const awilix = createContainer<Cradle>({ strict: true }).register({
  pool: asFunction(() => pool).singleton(),
  session: asFunction(({ pool: shared }: Cradle): Session => ({ pool: shared })).scoped(),
  trips: asFunction(({ session, pool: shared }: Cradle): Trips => ({
    session,
    pool: shared,
  })).scoped(),
});

export const contestants: Contestants = {
  hand: calling(() => {
    const session = { pool };
    return { session, pool };
  }),
  awilix: calling(() => {
    const scope = awilix.createScope();
    const { trips } = scope.cradle;
    void scope.dispose();
    return trips;
  }),
  di: calling(() => {
    const scope = ours.scope();
    const trips = scope.get('trips');
    void scope.dispose();
    return trips;
  }),
};

function calling(once: () => Trips): Contestant {
  return {
    calls: CALLS,
    run() {
      for (let made = 0; made < CALLS; made++) {
        if (once().session.pool !== pool) throw new Error('not the pool');
      }
    },
  };
}
