/** Stands in for our batching in the reference app: loaders are made another way. */
import type { Batch, Loader } from '@org/batch';
import { type Exchange, exchangeOf } from '@org/core';
import type { Request } from 'express';

type Load = (keys: readonly unknown[]) => Promise<readonly unknown[]>;
/** As the app gives it: it asks for its rows in the session of the request. */
type LoadFor = (
  keys: readonly unknown[],
  call: { readonly exchange: Exchange },
) => Promise<readonly unknown[]>;

/** `make` makes the loader of one request. */
export function batchingWith(
  make: (load: Load) => { load(key: unknown): Promise<unknown> },
): Pick<Batch, 'batcher'> {
  const batcher = (_name: string, load: LoadFor): unknown => {
    const loaders = new WeakMap<object, unknown>();
    return {
      for(scope: Request): Pick<Loader<unknown, unknown>, 'load'> {
        let loader = loaders.get(scope);
        if (loader === undefined) {
          const exchange = exchangeOf(scope, scope.res!);
          loader = make((keys) => load(keys, { exchange }));
          loaders.set(scope, loader);
        }
        return loader as Pick<Loader<unknown, unknown>, 'load'>;
      },
    };
  };
  return { batcher: batcher as unknown as Batch['batcher'] };
}
