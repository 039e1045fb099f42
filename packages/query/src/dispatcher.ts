/**
 * Brings together what is asked for in one tick: key by key, and loaded by one call. It remembers
 * nothing: once a batch has left, the same key is asked for anew.
 */

/** Loads many at once: for each key, in the order of the keys, its value or an Error. */
export type LoadAll<K, V> = (keys: readonly K[]) => Promise<readonly (V | Error)[]>;

interface Waiting<V> {
  resolve(value: V): void;
  reject(error: unknown): void;
}

export class Dispatcher<K, V> {
  private readonly loadAll: LoadAll<K, V>;
  private readonly maxKeys: number;
  private waiting: Map<K, Waiting<V>[]> = new Map();

  constructor(loadAll: LoadAll<K, V>, maxKeys: number) {
    this.loadAll = loadAll;
    this.maxKeys = maxKeys;
  }

  load(key: K): Promise<V> {
    return new Promise((resolve, reject) => {
      const known = this.waiting.get(key);
      if (known !== undefined) {
        known.push({ resolve, reject });
        return;
      }
      if (this.waiting.size >= this.maxKeys) this.leave();
      if (this.waiting.size === 0) this.schedule();
      this.waiting.set(key, [{ resolve, reject }]);
    });
  }

  /** Once the promise jobs of the tick have run: what follows from them comes along. */
  private schedule(): void {
    const { waiting } = this;
    void RESOLVED.then(() =>
      process.nextTick(() => {
        if (waiting === this.waiting) this.leave();
      }),
    );
  }

  private leave(): void {
    const batch = this.waiting;
    this.waiting = new Map();
    const keys = [...batch.keys()];
    this.loadAll(keys).then(
      (values) => {
        for (const [at, key] of keys.entries()) {
          const value = values[at]!;
          for (const one of batch.get(key)!) {
            if (value instanceof Error) one.reject(value);
            else one.resolve(value);
          }
        }
      },
      (error: unknown) => {
        for (const list of batch.values()) for (const one of list) one.reject(error);
      },
    );
  }
}

const RESOLVED: Promise<void> = Promise.resolve();
