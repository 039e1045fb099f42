/**
 * The contract that every middleware of the house keeps, as tests. Call it at the
 * top of a test file; it uses the runner's global `describe` and `test`.
 */
import assert from 'node:assert/strict';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';

import { isComponent } from '../component.ts';
import { isMiddleware, type Middleware } from '../middleware.ts';
import type { OptionError } from '../options.ts';
import { PHASES } from '../phases.ts';
import { serve } from './serve.ts';

/** A middleware, or the several that one factory returns. */
export type Made = Middleware | readonly Middleware[];

/** What the contract needs to know of a package. */
export interface MiddlewareContract<O extends object> {
  /** The package's factory. */
  readonly factory: (options?: O) => Made;
  /** Options that the factory cannot do without, for all instances. @default none */
  readonly required?: () => O;
  /** One valid option, to prove that the caller's object survives. */
  readonly example: O;
  /** Assembles components on an app, as `@org/setup` does. */
  readonly setup: (app: Express, components: Made[]) => { close(): Promise<unknown> };
}

interface Runner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void> | void): void;
}

/** Declares the tests of the contract. */
export function middlewareContract<O extends object>(
  name: string,
  contract: MiddlewareContract<O>,
): void {
  const { describe, test } = globalThis as unknown as Runner;
  const given = (more: object = {}): O => ({ ...contract.required?.(), ...more }) as O;
  const make = (more?: object): readonly Middleware[] => {
    const made =
      more === undefined && contract.required === undefined
        ? contract.factory()
        : contract.factory(given(more));
    return [made].flat() as readonly Middleware[];
  };

  describe(`${name} keeps the middleware contract`, () => {
    test('is a named three-argument handler with a place in the order', async () => {
      const made = make();
      for (const one of made) {
        assert.ok(isComponent(one) && isMiddleware(one));
        assert.equal(one.length, 3);
        assert.match(one.name, /^[a-z][a-z0-9-]*(:[a-z0-9-]+)?$/);
        assert.ok(PHASES.includes(one.phase), `phase ${one.phase}`);
        assert.ok(Number.isInteger(one.priority));
      }
      assert.equal(new Set(made.map((one) => one.name)).size, made.length, 'names are unique');
      await closeAll(made);
    });

    test('takes no options, empty options and undefined options alike', async () => {
      const absent = Object.fromEntries(
        Object.keys(contract.example).map((key) => [key, undefined]),
      );
      const [plain, empty, undefineds] = [
        make(),
        make({}),
        make({ ...absent, ...contract.required?.() }),
      ];
      const look = (made: readonly Middleware[]) =>
        made.map(({ name: own, phase, priority }) => ({ own, phase, priority }));
      assert.deepEqual(look(empty), look(plain));
      assert.deepEqual(look(undefineds), look(plain));
      await closeAll([...plain, ...empty, ...undefineds]);
    });

    test('leaves frozen options as they were', async () => {
      const options = Object.freeze(given(contract.example));
      const before = { ...options };
      const made = [contract.factory(options)].flat() as readonly Middleware[];
      assert.deepEqual({ ...options }, before);
      await closeAll(made);
    });

    test('refuses an unknown option by name', () => {
      assert.throws(
        () => contract.factory(given({ noSuchOption: 1 })),
        (error: unknown) =>
          (error as OptionError).code === 'ERR_OPTION' &&
          (error as OptionError).message.includes('noSuchOption'),
      );
    });

    for (const [where, mount] of mounts(contract)) {
      test(`lets a request through and its errors reach the error handlers, ${where}`, async () => {
        const made = make();
        await withApp(made, mount, async (url) => {
          const fine = await fetch(`${url}/fine`, { headers: { connection: 'close' } });
          assert.equal(fine.status, 200);
          assert.equal(await fine.text(), 'fine');
          const failed = await fetch(`${url}/fails`, { headers: { connection: 'close' } });
          assert.equal(failed.status, 418);
          assert.equal(await failed.text(), 'seen: deliberate');
        });
      });
    }

    test('two instances share nothing: closing one leaves the other at work', async () => {
      const [first, second] = [make(), make()];
      await closeAll(first);
      for (const [at, one] of second.entries()) assert.notEqual(one, first[at]);
      await withApp(
        second,
        (app, all) => void app.use(all as Middleware[]),
        async (url) => {
          const answer = await fetch(`${url}/fine`, { headers: { connection: 'close' } });
          assert.equal(answer.status, 200);
        },
      );
    });

    test('closes twice and leaves no handle', async () => {
      const before = activeHandles();
      const made = make();
      for (const one of made) await one.start?.();
      for (const one of made) one.stats?.();
      await closeAll(made);
      await closeAll(made);
      assert.deepEqual(activeHandles(), before);
    });
  });
}

type Mount = (app: Express, made: readonly Middleware[]) => { close(): Promise<unknown> } | void;

function mounts<O extends object>(contract: MiddlewareContract<O>): [string, Mount][] {
  return [
    ['on a bare app', (app, made) => void app.use(made as Middleware[])],
    [
      'in a sub-router',
      (app, made) => void app.use('/sub', express.Router().use(made as Middleware[])),
    ],
    ['under setup', (app, made) => contract.setup(app, [...made])],
  ];
}

async function withApp(
  made: readonly Middleware[],
  mount: Mount,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const app = express();
  const stack = mount(app, made);
  const mounted = stack === undefined ? made : [];
  for (const one of mounted) await one.start?.();
  for (const prefix of ['', '/sub']) {
    app.get(`${prefix}/fine`, (_req: Request, res: Response) => void res.send('fine'));
    app.get(`${prefix}/fails`, () => {
      throw new Error('deliberate');
    });
  }
  app.use((error: Error, _req: Request, res: Response, next: NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(418).send(`seen: ${error.message}`);
  });
  const { url, close } = await serve(app);
  try {
    await use(`${url}/sub`);
  } finally {
    await close();
    await (stack === undefined ? closeAll(made) : stack.close());
  }
}

async function closeAll(made: readonly Middleware[]): Promise<void> {
  for (const one of made) await one.close?.();
}

/** What keeps the process alive, by kind; what was only just closed may take a turn to go. */
function activeHandles(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== 'Immediate' && kind !== 'CloseReq' && !kind.startsWith('TCP'))
    .toSorted();
}
