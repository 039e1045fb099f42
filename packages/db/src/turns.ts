/**
 * What is asked for is done one after the other, in the order in which it was asked for. Each is an
 * async function that nobody but its asker awaits, so that V8 can say who that is.
 */
export class Turns {
  /** Never rejects. */
  private last: Promise<void> = Promise.resolve();

  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.last;
    let end!: () => void;
    this.last = new Promise((resolve) => (end = resolve));
    await before;
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Waits until nothing runs, and nobody has asked for more meanwhile. */
  async settle(): Promise<void> {
    let last;
    do {
      ({ last } = this);
      // oxlint-disable-next-line no-await-in-loop -- there may be more by then
      await last;
    } while (last !== this.last);
  }
}
