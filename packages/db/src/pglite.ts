/**
 * The one connection of PGlite, as a pool of one. Who has it holds up all others: they wait in a
 * bounded line, and when it takes too long they are told who has it, and since where. Nothing else
 * may use the instance meanwhile, or it would work inside of somebody's transaction.
 */
import { OptionError, shape } from '@org/core';

import { lineOf, stackOf } from './call-site.ts';
import { busy, closedDatabase } from './database-errors.ts';
import type {
  Asker,
  Connection,
  ConnectionSource,
  Driver,
  DriverSettings,
  QueryResult,
  Statement,
  TypeParsers,
} from './driver.ts';
import { WatchedClient } from './watched-client.ts';

/** What is used of PGlite. */
export interface PgliteInstance {
  query(
    text: string,
    values?: unknown[],
    options?: { rowMode?: 'array'; parsers?: Record<number, (value: string) => unknown> },
  ): Promise<PgliteResult>;
  exec(text: string): Promise<unknown>;
}

export interface PgliteResult {
  readonly rows: unknown[];
  readonly affectedRows?: number;
  readonly command?: string;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

const INSTANCE = shape<PgliteInstance>('an instance of PGlite', ['query', 'exec']);

/**
 * A driver over an instance of PGlite, which stays yours: close it after the database.
 * @throws OptionError for something else
 */
export function pglite(instance: PgliteInstance): Driver {
  if (!INSTANCE.accepts(instance)) {
    throw new OptionError('pglite', [`it must be given ${INSTANCE.expected}.`]);
  }
  return { name: 'pglite', open: (settings) => new PgliteSource(instance, settings) };
}

interface Waiter {
  take(): void;
  refuse(error: Error): void;
}

/** The connection, and the line of those who wait for it. */
class PgliteSource implements ConnectionSource {
  readonly capacity: number = 1;
  readonly size: number = 1;
  private readonly instance: PgliteInstance;
  private readonly settings: DriverSettings;
  private readonly line: Set<Waiter> = new Set();
  private readonly watched: WatchedClient;
  private holder: Asker | undefined = undefined;
  private holderMs: number = 0;
  private text: string | undefined = undefined;
  private running: boolean = false;
  private closed: boolean = false;

  constructor(instance: PgliteInstance, settings: DriverSettings) {
    this.instance = instance;
    this.settings = settings;
    // There is no other connection: this one is never destroyed.
    this.watched = new WatchedClient(
      () => this.running,
      () => undefined,
    );
    settings.watch?.watch(this);
  }

  get idle(): number {
    return this.holder === undefined ? 1 : 0;
  }

  get waiting(): number {
    return this.line.size;
  }

  async acquire(asker: Asker): Promise<Connection> {
    if (this.closed) throw closedDatabase();
    const { clock } = this.settings;
    const askedMs = clock.monotonicMs();
    if (this.holder !== undefined) await this.wait();
    return this.hand(asker, askedMs);
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const waiter of this.line) waiter.refuse(closedDatabase());
  }

  private hand(asker: Asker, askedMs: number): Connection {
    const { clock, watch } = this.settings;
    this.holder = asker;
    this.holderMs = clock.monotonicMs();
    this.text = undefined;
    watch?.taken(this.watched);
    watch?.waited(this.watched, askedMs, asker.site);
    watch?.claim(this.watched, asker);
    let released = false;
    return {
      run: (statement) => this.run(statement),
      script: (text) => this.counted(text, this.instance.exec(text)),
      release: () => {
        if (released) return;
        released = true;
        watch?.returned(this.watched);
        this.next();
      },
    };
  }

  /** The next in line has it from now on: nobody else may come between. */
  private next(): void {
    const [waiter] = this.line;
    if (waiter === undefined) this.holder = undefined;
    else waiter.take();
  }

  private wait(): Promise<void> {
    const { clock, acquireTimeoutMs, maxWaiting } = this.settings;
    if (this.line.size >= maxWaiting) {
      throw busy(`${this.line.size} wait for the connection already, which is as many as may.`);
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        take: () => {
          cancel();
          this.line.delete(waiter);
          resolve();
        },
        refuse: (error) => {
          cancel();
          this.line.delete(waiter);
          reject(error);
        },
      };
      const cancel = clock.after(acquireTimeoutMs, () => waiter.refuse(this.tooLate()));
      this.line.add(waiter);
    });
  }

  private tooLate(): Error {
    const { clock, acquireTimeoutMs } = this.settings;
    const { exchange, site } = this.holder!;
    const whose =
      exchange === undefined
        ? 'by no request'
        : `by ${exchange.req.method} ${exchange.route ?? 'without a route'}`;
    const line = lineOf(site);
    return busy(
      `The one connection of PGlite was not free within ${acquireTimeoutMs} ms. It is held ${whose}, ` +
        `since ${Math.round(clock.monotonicMs() - this.holderMs)} ms${line === undefined ? '' : `, from ${line}`}, ` +
        `with the last statement ${JSON.stringify(this.text ?? 'none')}. It was taken\n${stackOf(site)}`,
    );
  }

  private async run(statement: Statement): Promise<QueryResult<never>> {
    const { text, values, rowMode, types } = statement;
    const options = {
      ...(rowMode === undefined ? {} : { rowMode }),
      ...(types === undefined ? {} : { parsers: parsersOf(types) }),
    };
    const result = await this.counted(
      text,
      this.instance.query(text, values === undefined ? [] : [...values], options),
    );
    const { rows, fields, affectedRows, command = commandOf(text) } = result;
    return {
      rows: rows as never[],
      fields,
      command,
      // Of what brings rows PGlite tells that it has changed none.
      rowCount: rows.length > 0 ? rows.length : (affectedRows ?? 0),
    };
  }

  private async counted<T>(text: string, work: Promise<T>): Promise<T> {
    this.text = text;
    this.settings.watch?.queried(this.watched, text);
    this.running = true;
    try {
      return await work;
    } finally {
      this.running = false;
    }
  }
}

/** Types that query builders read for themselves: dates, times, intervals, and lists of them. */
const READ_BY_BUILDERS = [1082, 1114, 1184, 1186, 1115, 1182, 1185, 1187, 1231];

function parsersOf(types: TypeParsers): Record<number, (value: string) => unknown> {
  return Object.fromEntries(READ_BY_BUILDERS.map((oid) => [oid, types.getTypeParser(oid, 'text')]));
}

/** Older versions of PGlite do not tell which command they ran. */
function commandOf(text: string): string {
  return (/^\s*(\w+)/.exec(text)?.[1] ?? '').toUpperCase();
}
