/**
 * Loads what belongs to many in one statement: what is asked for key by key in one tick leaves
 * together. Batches are those of one request, and nothing is remembered: the next one asks anew.
 */
import { type Exchange, exchangeOf, type Given, OptionError, stateKey } from '@org/core';
import type { Request } from 'express';

import { Dispatcher } from './dispatcher.ts';
import { type EagerOptions, type Key, type Loaded, resolveEagerOptions } from './eager-options.ts';
import { eagerStatement, OWNER, PLACE } from './eager-statement.ts';

/** Answers a statement. */
export interface Asked {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Whom to ask: a pool, a PGlite, a session; or a function, for that of the request. */
export type Source = Asked | ((exchange: Exchange | undefined) => Asked);

/** Loads by keys. */
export interface Loads<V> {
  load(key: Key): Promise<V>;
  /** In the order of the keys. */
  loadMany(keys: readonly Key[]): Promise<V[]>;
  /** Rows with what belongs to each, as a member; the rows themselves stay as they are. */
  attach<R extends object, N extends string>(
    rows: readonly R[],
    keyOf: (row: R) => Key | null | undefined,
    name: N,
  ): Promise<(R & Record<N, V>)[]>;
}

/** A loader; its own loads belong to no request. */
export interface Eager<V> extends Loads<V> {
  /** Its loads of a request. */
  for(scope: Request | Exchange): Loads<V>;
}

/** Options by which each key has a list. */
export type ManyOptions = Given<EagerOptions> &
  ({ readonly foreignKey: string } | { readonly through: EagerOptions['through'] & object });

/**
 * Makes a loader: once, where the app is made. With `foreignKey` or `through` each key has a list,
 * with `key` alone one row, or undefined.
 * @throws OptionError for unknown or wrong options
 */
export function eager<R extends object = Record<string, unknown>>(
  source: Source,
  options: ManyOptions,
): Eager<R[]>;
export function eager<R extends object = Record<string, unknown>>(
  source: Source,
  options: Given<EagerOptions>,
): Eager<R | undefined>;
export function eager(source: Source, given: Given<EagerOptions>): Eager<Loaded> {
  const options = resolveEagerOptions(given);
  if (typeof source !== 'function' && typeof source?.query !== 'function') {
    throw new OptionError('eager', [
      'takes whom to ask first: something with query(text, values), or a function that gives it.',
    ]);
  }
  const { from, foreignKey, through, maxKeys, batcher, name = `eager ${from}` } = options;
  const isList = foreignKey !== undefined || through !== undefined;
  const statement = eagerStatement(options);

  async function loadAll(keys: readonly Key[], exchange: Exchange | undefined): Promise<Loaded[]> {
    const asked = typeof source === 'function' ? source(exchange) : source;
    const owners = keys.map(ownerOf);
    // Those that are the same to the server are asked for once.
    const different = new Map(keys.map((key, at) => [owners[at]!, key]));
    const { rows } = await asked.query(statement, [[...different.values()]]);
    const byOwner = new Map<unknown, object[]>();
    for (const { [OWNER]: owner, [PLACE]: _, ...row } of rows as Row[]) {
      const list = byOwner.get(owner);
      if (list === undefined) byOwner.set(owner, [row]);
      else list.push(row);
    }
    return owners.map((owner) => {
      const list = byOwner.get(owner);
      return isList ? (list ?? []) : list?.[0];
    });
  }

  if (batcher !== undefined) {
    const batches = batcher(name, (keys, { exchange }) => loadAll(keys, exchange));
    return {
      ...loadsBy((key) => batches.load(key), isList),
      for(scope) {
        const loader = batches.for(scope);
        return loadsBy((key) => loader.load(key), isList);
      },
    };
  }

  const state = stateKey<Loads<Loaded>>(name);
  const own = (exchange: Exchange | undefined): Loads<Loaded> => {
    const batches = new Dispatcher((keys: readonly Key[]) => loadAll(keys, exchange), maxKeys);
    return loadsBy((key) => batches.load(key), isList);
  };
  return {
    ...own(undefined),
    for(scope) {
      const exchange = 'getState' in scope ? scope : exchangeOf(scope, scope.res!);
      let found = exchange.getState(state);
      if (found === undefined) {
        found = own(exchange);
        exchange.setState(state, found);
      }
      return found;
    },
  };
}

function loadsBy(load: (key: Key) => Promise<Loaded>, isList: boolean): Loads<Loaded> {
  return {
    load,
    loadMany: (keys) => Promise.all(keys.map(load)),
    attach: (rows, keyOf, name) =>
      Promise.all(
        rows.map(async (row) => {
          const key = keyOf(row);
          const nobodys = isList ? [] : undefined;
          const value = key === null || key === undefined ? nobodys : await load(key);
          return { ...row, [name]: value } as typeof row & Record<typeof name, Loaded>;
        }),
      ),
  };
}

type Row = Readonly<Record<string, unknown>>;

const UUID = /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i;

/** A key as the server writes it. */
function ownerOf(key: Key): string {
  const text = String(key);
  return UUID.test(text) ? text.toLowerCase() : text;
}
