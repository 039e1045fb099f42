/**
 * Drizzle over a session, through its driver for `pg`: what it takes for a pool is the session, on
 * either database. Its `begin`, `commit` and savepoints become the session's own. Drizzle itself is
 * not imported: it is the caller's, in the caller's version.
 */
import type { Exchange } from '@org/core';
import type { Request } from 'express';

import type { QueryResult, Statement } from './driver.ts';
import { ScopeStack } from './scope-stack.ts';
import type { Session, Sessions } from './session.ts';
import type { Isolation } from './transaction-options.ts';

/** Drizzle for the sessions of one database. */
export interface Drizzles<D> {
  /** That of a request; the same for the whole of it. */
  of(from: Request | Exchange): D;
  /** That of a session, or of a transaction. */
  over(session: Session): D;
  /** One of no request, whose statements each take a connection of their own. */
  session(): D;
}

/**
 * Makes Drizzle for the sessions of a database. `make` is given what Drizzle takes for a pool of `pg`:
 * `(pool: Pool) => drizzle(pool, { schema })`, with `drizzle` of `drizzle-orm/node-postgres`.
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- P is what the caller's Drizzle takes for a pool
export function drizzleFor<P, D extends object>(data: Sessions, make: (pool: P) => D): Drizzles<D> {
  const made = new WeakMap<Session, D>();
  const over = (session: Session): D => {
    let database = made.get(session);
    if (database === undefined) {
      database = make(new SessionPool(session) as P);
      made.set(session, database);
    }
    return database;
  };
  return { over, of: (from) => over(data.of(from)), session: () => over(data.session()) };
}

/** Drizzle knows a pool by its name, and asks it for a connection before it begins a transaction. */
class SessionPool {
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  query(statement: string | Statement, values?: readonly unknown[]): Promise<QueryResult> {
    return this.session.query(withValues(statement, values));
  }

  async connect(): Promise<SessionClient> {
    return new SessionClient(this.session);
  }
}

/** One transaction of Drizzle's. */
class SessionClient {
  private readonly scopes: ScopeStack;

  constructor(session: Session) {
    this.scopes = new ScopeStack(session);
  }

  async query(statement: string | Statement, values?: readonly unknown[]): Promise<QueryResult> {
    const asked = withValues(statement, values);
    const control = CONTROL.exec(asked.text);
    if (control === null) return this.scopes.innermost.query(asked);
    await this.control(control[1]!.toLowerCase(), control[2]!);
    return { rows: [], rowCount: 0, command: control[1]!.toUpperCase(), fields: [] };
  }

  release(): void {
    // The session gives back by itself.
  }

  private control(command: string, rest: string): Promise<void> | void {
    switch (command) {
      case 'begin':
        return this.scopes.begin({
          isolation: isolationIn(rest),
          readOnly: /read only/i.test(rest),
        });
      case 'savepoint':
        return this.scopes.savepoint(rest);
      case 'release savepoint':
        return this.scopes.release(rest);
      case 'rollback to savepoint':
        return this.scopes.rollbackTo(rest);
      case 'commit':
        return this.scopes.commit();
      default:
        return this.scopes.rollback();
    }
  }
}

/** How Drizzle ends and begins; nobody else's statements come here. */
const CONTROL =
  /^\s*(begin|commit|rollback to savepoint|rollback|savepoint|release savepoint)\b\s*(.*?)\s*$/i;

function isolationIn(text: string): Isolation | undefined {
  const [, level] =
    /isolation level (read uncommitted|read committed|repeatable read|serializable)/i.exec(text) ??
    [];
  if (level === undefined) return undefined;
  return level === 'read uncommitted' ? 'read committed' : (level.toLowerCase() as Isolation);
}

function withValues(statement: string | Statement, values?: readonly unknown[]): Statement {
  const asked = typeof statement === 'string' ? { text: statement } : statement;
  return values === undefined ? asked : { ...asked, values };
}
