/** What begins by half is taken back before the next one has its connection. */
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
