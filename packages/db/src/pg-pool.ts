/** What is used of `pg`, so that nobody needs its types who has another database. */

/** How `pg` takes a statement. */
export interface PgQuery {
  readonly text: string;
  readonly rowMode?: 'array' | undefined;
  readonly types?: object | undefined;
  readonly name?: string | undefined;
}

/** A `PoolClient` of `pg`. */
export interface PgClient {
  /** Number of the server's process, for cancelling. */
  readonly processID?: number | undefined;
  readonly readyForQuery?: boolean;
  query(config: PgQuery | string, values?: unknown, callback?: unknown): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: Error | boolean): void;
}

/** A `Pool` of `pg`. */
export interface PgPool {
  readonly options: { readonly max: number };
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  connect(): Promise<PgClient>;
  on(event: string, listener: never): unknown;
  off(event: string, listener: never): unknown;
  end(): Promise<void>;
}

export type PgPoolConstructor = new (config: object) => PgPool;
