/** PGlite in a process of its own: it loads itself in a way that jest's modules do not know. */
import { PGlite } from '@electric-sql/pglite';

const instance = await PGlite.create();

process.on('message', async ({ id, method, args: [text, values, options = {}] }) => {
  const { oids = [], ...more } = options;
  const parsers = Object.fromEntries(oids.map((oid) => [oid, (value) => value]));
  try {
    const result = await instance[method](
      text,
      ...(method === 'exec' ? [] : [values, { ...more, parsers }]),
    );
    process.send({ id, result });
  } catch (error) {
    const { message, code, severity } = error;
    process.send({ id, error: { message, code, severity } });
  }
});
process.send('ready');
