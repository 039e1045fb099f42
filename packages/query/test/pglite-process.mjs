/** PGlite in a process of its own: it loads itself in a way that jest's modules do not know. */
import { PGlite } from '@electric-sql/pglite';

const instance = await PGlite.create();

process.on('message', async ({ id, text, values }) => {
  try {
    const { rows } = await (values === undefined
      ? instance.exec(text).then((results) => results.at(-1))
      : instance.query(text, values));
    process.send({ id, rows });
  } catch ({ message, code }) {
    process.send({ id, error: { message, code } });
  }
});
process.send('ready');
