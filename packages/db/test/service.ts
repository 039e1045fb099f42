/** A service over a database, through a real socket. */
import express, { type ErrorRequestHandler, type Express } from 'express';
import { serve, type Served } from '@org/core/testing';
import { db, type Db, type DbOptions } from '@org/db';
import { errors } from '@org/errors';
import { setup } from '@org/setup';

export interface TestService extends Served {
  readonly data: Db;
}

/** Serves `routes` with sessions of a database; `how` says whether by `setup` or by `app.use`. */
export async function serviceWith(
  options: Partial<DbOptions>,
  routes: (app: Express, data: Db) => void,
  how: 'app.use' | 'setup' = 'setup',
): Promise<TestService> {
  const data = db(options);
  const app = express();
  if (how === 'app.use') {
    app.use(data);
    routes(app, data);
    const answer: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, next) => {
      if (res.headersSent) next(error);
      else res.status(error.status ?? 500).json({ code: 'seen', detail: error.message });
    };
    app.use(answer);
    const served = await serve(app);
    return {
      ...served,
      data,
      async close() {
        await served.close();
        await data.close();
      },
    };
  }
  const stack = setup(app, [data, errors()]);
  routes(app, data);
  const served = await serve(await stack.listen(0, '127.0.0.1'));
  return {
    ...served,
    data,
    async close() {
      await served.close();
      await stack.close();
    },
  };
}
