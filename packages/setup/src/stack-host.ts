/** The whole as its components see it: state, servers, start and close. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  callHook,
  type CloseReport,
  closeInOrder,
  type Component,
  type Exchange,
  type Host,
  type HostState,
  type Traffic,
} from '@org/core';
import type { Request, Response } from 'express';

import { startAll, startOrder } from './lifecycle.ts';
import type { Registry } from './registry.ts';
import type { Serving } from './server.ts';
import type { ResolvedSetupOptions } from './setup-options.ts';
import { admitUpgrade } from './upgrade.ts';

/** @internal */
export class StackHost implements Host {
  private readonly registry: Registry;
  private readonly options: ResolvedSetupOptions;
  private readonly serving: Serving;
  private readonly listener: (req: IncomingMessage, res: ServerResponse) => void;
  private readonly servers = new Set<Server>();
  private readonly listeners: ((server: Server) => void)[] = [];
  private readonly drainListeners: (() => void)[] = [];
  private current: HostState = 'starting';
  private started: readonly Component[] = [];
  private starting: Promise<void> | undefined = undefined;
  private closing: Promise<CloseReport> | undefined = undefined;

  constructor(
    registry: Registry,
    options: ResolvedSetupOptions,
    serving: Serving,
    listener: (req: IncomingMessage, res: ServerResponse) => void,
  ) {
    this.registry = registry;
    this.options = options;
    this.serving = serving;
    this.listener = listener;
  }

  get state(): HostState {
    return this.current;
  }

  components(): readonly Component[] {
    return startOrder(this.registry.components());
  }

  onServer(listener: (server: Server) => void): void {
    this.listeners.push(listener);
    for (const server of this.servers) listener(server);
  }

  handle(req: IncomingMessage, res: ServerResponse): void {
    this.listener(req, res);
  }

  answerError(req: Request, res: Response, error: unknown): void {
    this.registry.lastAnswer(req, res, error);
  }

  traffic(): readonly Traffic[] {
    return this.registry.traffic();
  }

  timeRequests(wanted: (exchange: Exchange) => boolean): () => void {
    return this.registry.timeRequests(wanted);
  }

  admitUpgrade(req: IncomingMessage, socket: Duplex, admitted: (exchange: Exchange) => void): void {
    admitUpgrade(this.serving, this.serving.upgradePipeline(), req, socket, admitted);
  }

  onDrain(listener: () => void): void {
    this.drainListeners.push(listener);
  }

  drain(): void {
    if (this.current === 'closed' || this.current === 'draining') return;
    this.current = 'draining';
    for (const listener of this.drainListeners) callHook(listener, 'setup onDrain');
  }

  start(): Promise<void> {
    this.starting ??= this.startNow();
    return this.starting;
  }

  private async startNow(): Promise<void> {
    const parts = this.components();
    for (const part of parts) part.attach?.(this);
    this.started = parts;
    await startAll(parts, this.options.startTimeoutMs, this.options.clock);
    if (this.current === 'starting') this.current = 'ready';
  }

  serve(server: Server): void {
    this.servers.add(server);
    server.once('close', () => this.servers.delete(server));
    for (const listener of this.listeners) listener(server);
  }

  closeComponents(): Promise<CloseReport> {
    this.closing ??= this.closeNow();
    return this.closing;
  }

  /** Stops listening, lets the requests under way end, then closes the components. */
  async close(): Promise<CloseReport> {
    this.drain();
    await Promise.all(
      [...this.servers].map((server) => closeServer(server, this.options.closeTimeoutMs)),
    );
    return this.closeComponents();
  }

  private async closeNow(): Promise<CloseReport> {
    // What was switched on or off since the start is closed all the same: everybody at most once.
    const parts = new Set([...this.started, ...this.components()]);
    this.current = 'closed';
    const { clock, closeTimeoutMs } = this.options;
    const begunMs = clock.monotonicMs();
    const { closed, hung, failed } = await closeInOrder(
      [...parts].toReversed(),
      closeTimeoutMs,
      clock,
    );
    return { closed, hung, failed, durationMs: clock.monotonicMs() - begunMs };
  }
}

function closeServer(server: Server, budgetMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.closeAllConnections();
      // Upgraded connections are none of the server's any more: their component ends them.
      resolve();
    }, budgetMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}
