/** How transactions begin and end by half, over a driver that does what a test says. */
import { fakeClock } from '@org/core/testing';
import { type Connection, db, type Driver } from '@org/db';

/** A driver of one connection. */
function driverOf(connection: Connection): Driver {
  return {
    name: 'stand-in',
    open: () => ({
      capacity: 1,
      size: 1,
      idle: 1,
      waiting: 0,
      acquire: () => Promise.resolve(connection),
      close: () => Promise.resolve(),
    }),
  };
}

const canceled = (): Error => Object.assign(new Error('canceled by user'), { code: '57014' });
const done = (command: string) => ({ rows: [], rowCount: 0, command, fields: [] });

test('a transaction that fails while it begins leaves nothing on its connection', async () => {
  const asked: string[] = [];
  const driver = driverOf({
    run({ text }) {
      asked.push(text);
      return Promise.resolve(done(text));
    },
    script: () => Promise.reject(canceled()),
    release: (destroy) => void asked.push(destroy ? 'destroyed' : 'given back'),
  });
  const data = db({ driver });
  const failed = data.session().transaction((tx) => tx.query('select 1'));
  await expect(failed).rejects.toMatchObject({ code: '57014' });
  expect(asked).toEqual(['ROLLBACK', 'given back']);
  await data.close();
});

test.each([
  [100, 'ERR_TRANSACTION_TIMEOUT'],
  // The server's clock is not ours.
  [99, 'ERR_TRANSACTION_TIMEOUT'],
  // Somebody else has cancelled it.
  [50, '57014'],
])(
  'a statement that the server cancels after %p of 100 ms fails with %p',
  async (afterMs, code) => {
    const clock = fakeClock();
    const driver = driverOf({
      async run({ text }) {
        if (text === 'ROLLBACK') return done(text);
        clock.advance(afterMs);
        throw canceled();
      },
      script: () => Promise.resolve(),
      release: () => undefined,
    });
    const data = db({ driver, clock });
    const failed = data.session().transaction((tx) => tx.query('select 1'), { timeoutMs: 100 });
    await expect(failed).rejects.toMatchObject({ code });
    await data.close();
  },
);
