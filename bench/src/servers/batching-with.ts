/** Stands in for our batching in the reference app: loaders are made another way. */
import type { Batch, Loader } from '@org/batch';

type Load = (keys: readonly unknown[]) => Promise<readonly unknown[]>;

/** `make` makes the loader of one request. */
export function batchingWith(
  make: (load: Load) => { load(key: unknown): Promise<unknown> },
): Pick<Batch, 'batcher'> {
  const batcher = (_name: string, load: Load): unknown => {
    const loaders = new WeakMap<object, unknown>();
    return {
      for(scope: object): Pick<Loader<unknown, unknown>, 'load'> {
        let loader = loaders.get(scope);
        if (loader === undefined) {
          loader = make(load);
          loaders.set(scope, loader);
        }
        return loader as Pick<Loader<unknown, unknown>, 'load'>;
      },
    };
  };
  return { batcher: batcher as unknown as Batch['batcher'] };
}
