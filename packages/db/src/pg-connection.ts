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

  run(statement: Statement): Promise<QueryResult<never>> {
    const { text, values, rowMode, types, name } = statement;
    const given = values === undefined || values.length === 0 ? undefined : values;
    // pg copies what comes as an object.
    const isPlain = rowMode === undefined && types === undefined && name === undefined;
    return this.client.query(isPlain ? text : { text, rowMode, types, name }, given) as Promise<
      QueryResult<never>
    >;
  }

  script(text: string): Promise<unknown> {
    return this.client.query(text);
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
