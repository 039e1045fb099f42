/** PGlite in a process of its own, whose modules are none for Jest: runs the statements that it is sent. */
import { PGlite } from '@electric-sql/pglite';

interface Asked {
  readonly id: number;
  readonly statement: string;
  readonly values: (string | number)[];
}

const db = await PGlite.create();
process.on('message', ({ id, statement, values }: Asked) => {
  db.query(statement, values).then(
    ({ rows }) => process.send?.({ id, rows }),
    (error: unknown) => process.send?.({ id, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0, rows: [] });
