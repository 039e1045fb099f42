/**
 * What a whole offers its parts: `setup` hands a host to every component that asks
 * for one with `attach`. Health reads its state and its components, shutdown drives
 * its end; neither knows the other, nor `setup`. Without a whole there is no host,
 * and a package that could use one takes the same things as options.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Request, Response } from 'express';

import type { Component } from './component.ts';
import type { Exchange } from './exchange.ts';
import type { Phase } from './phases.ts';

/**
 * `starting`: not every component has started. `ready`: serving. `draining`: still
 * serving, but asking not to be sent more. `closed`: components are closed.
 */
export type HostState = 'starting' | 'ready' | 'draining' | 'closed';

/** How the closing of components went. */
export interface CloseReport {
  /** Names in the order in which they closed. */
  readonly closed: readonly string[];
  /** Names of components that did not close within their time. */
  readonly hung: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
  readonly durationMs: number;
}

/** What one middleware has had to do since the stack was made. */
export interface Traffic {
  readonly name: string;
  readonly phase: Phase;
  /** Requests that it was given. */
  readonly callsTotal: number;
  /** Failures of its own: what it threw, or passed on, that is not meant for the client (`expose`). */
  readonly errorsTotal: number;
}

/** The whole, as its components see it. */
export interface Host {
  readonly state: HostState;
  /** Every component that is in use, in the order in which they start. */
  components(): readonly Component[];
  /** Calls `listener` for every server that serves this whole, now and later. */
  onServer(listener: (server: Server) => void): void;
  /** Runs a request through the whole, as if it had come from outside. */
  handle(req: IncomingMessage, res: ServerResponse): void;
  /** Answers an error as the whole answers those that reach its end, at once. */
  answerError(req: Request, res: Response, error: unknown): void;
  /** What each middleware in use has had to do, in their order. */
  traffic(): readonly Traffic[];
  /**
   * Keeps a timeline of every request that `wanted` picks, from its first middleware on.
   * @returns takes `wanted` away again
   */
  timeRequests(wanted: (exchange: Exchange) => boolean): () => void;
  /**
   * Runs a request that asks for another protocol through the phases up to `protect`, as any
   * other request: one that is refused there is answered and its connection closed. `admitted` is
   * called where nobody answered, and is then the one to answer on the socket. The exchange ends
   * there, as 101; the signal of the connection is the socket's.
   */
  admitUpgrade(req: IncomingMessage, socket: Duplex, admitted: (exchange: Exchange) => void): void;
  /** Calls `listener` once the whole drains: for who holds streams or work that would not end by itself. */
  onDrain(listener: () => void): void;
  /** Goes to `draining`; readiness is down from here on. */
  drain(): void;
  /** Closes every component, dependants before what they depend on. Idempotent. */
  closeComponents(): Promise<CloseReport>;
}
