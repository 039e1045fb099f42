/** Runs what is ready, so many at a time, the first given first. */

/** Something that waits for others by their ids. */
export interface Dependent {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/**
 * Runs each once the results of all that it depends on are there; resolves when all are. `run`
 * must not reject, and there must be no circle.
 */
export function runInOrder<T extends Dependent, R>(
  all: readonly T[],
  maxConcurrent: number,
  results: Map<string, R>,
  run: (one: T) => Promise<R>,
): Promise<void> {
  const waiting = [...all];
  let running = 0;
  return new Promise((resolve) => {
    const pump = (): void => {
      for (let at = 0; at < waiting.length && running < maxConcurrent;) {
        const one = waiting[at]!;
        if (one.dependsOn.every((id) => results.has(id))) {
          waiting.splice(at, 1);
          running++;
          void run(one).then((result) => {
            results.set(one.id, result);
            running--;
            pump();
          });
        } else {
          at++;
        }
      }
      if (running === 0) resolve();
    };
    pump();
  });
}
