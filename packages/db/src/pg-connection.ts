/** A connection of a `pg` pool in a session's hands. */
import type { Canceller } from './canceller.ts';
import type { Connection, QueryResult, Statement } from './driver.ts';
import type { PgClient } from './pg-pool.ts';

export class PgConnection implements Connection {
  private readonly client: PgClient;
  private readonly canceller: Canceller;
  private released: boolean = false;

  constructor(client: PgClient, canceller: Canceller) {
    this.client = client;
    this.canceller = canceller;
  }

  async run({ text, values, rowMode, types, name }: Statement): Promise<QueryResult<never>> {
    const result = await this.client.query({
      text,
      ...(values === undefined || values.length === 0 ? {} : { values }),
      ...(rowMode === undefined ? {} : { rowMode }),
      ...(types === undefined ? {} : { types }),
      ...(name === undefined ? {} : { name }),
    });
    return result as QueryResult<never>;
  }

  script(text: string): Promise<unknown> {
    return this.client.query({ text });
  }

  cancel(): Promise<void> {
    return this.canceller.cancel(this.client.processID);
  }

  release(destroy: boolean): void {
    if (this.released) return;
    this.released = true;
    this.client.release(destroy);
  }
}
