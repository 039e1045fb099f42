/** How transactions begin and end by half, over a driver that does what a test says. */
import { fakeClock } from '@org/core/testing';
import { db, type Driver } from '@org/db';

test('a transaction that fails while it begins leaves nothing on its connection', async () => {
  const asked: string[] = [];
  const driver: Driver = {
    name: 'stand-in',
    open: () => ({
      capacity: 1,
      size: 1,
      idle: 1,
      waiting: 0,
      acquire: () =>
        Promise.resolve({
          run({ text }) {
            asked.push(text);
            return Promise.resolve({ rows: [], rowCount: 0, command: text, fields: [] });
          },
          script: () =>
            Promise.reject(Object.assign(new Error('canceled by user'), { code: '57014' })),
          release: (destroy) => void asked.push(destroy ? 'destroyed' : 'given back'),
        }),
      close: () => Promise.resolve(),
    }),
  };
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
    const driver: Driver = {
      name: 'stand-in',
      open: () => ({
        capacity: 1,
        size: 1,
        idle: 1,
        waiting: 0,
        acquire: () =>
          Promise.resolve({
            async run({ text }) {
              if (text === 'ROLLBACK') return { rows: [], rowCount: 0, command: text, fields: [] };
              clock.advance(afterMs);
              throw Object.assign(new Error('canceling statement'), { code: '57014' });
            },
            script: () => Promise.resolve(),
            release: () => undefined,
          }),
        close: () => Promise.resolve(),
      }),
    };
    const data = db({ driver, clock });
    const failed = data.session().transaction((tx) => tx.query('select 1'), { timeoutMs: 100 });
    await expect(failed).rejects.toMatchObject({ code });
    await data.close();
  },
);
