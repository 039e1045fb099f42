/**
 * Channels over WebSockets. Two middlewares share one server of them: `websocket` stands at the
 * edge, for the operators' route and for those who ask for the address without an upgrade;
 * `websocket:admission` stands at the end of `protect`, where everything that protects requests has
 * looked at the upgrade, and lets it in or not.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  addressOf,
  type Cancel,
  type Correlated,
  defineMiddleware,
  type Exchange,
  type Given,
  HANDLED,
  type HealthReport,
  type Host,
  isPropagator,
  type Middleware,
  ownSocket,
  report,
  type Stats,
  type StepResult,
  within,
} from '@org/core';
import { type WebSocket, WebSocketServer } from 'ws';

import { Admission, type Admitted, reportUndecided } from './admission.ts';
import { Connection } from './connection.ts';
import { Conversation } from './conversation.ts';
import { websocketEvents } from './events.ts';
import { upgradeRequired } from './handshake.ts';
import { STEP_MS } from './heartbeat.ts';
import { Hub } from './hub.ts';
import type { Member } from './member.ts';
import { websocketsRoute } from './monitoring.ts';
import { resolveWebsocketOptions, type WebsocketOptions } from './options.ts';
import { CLOSE, PROTOCOL_VERSION, SUBPROTOCOL } from './protocol.ts';
import { healthOf, statsOf } from './statistics.ts';
import { handOver, noSocketHere, Upgrades } from './upgrades.ts';

/** What can be done with a server of channels. */
export interface Channels {
  /** Receives upgrades of a server that no whole serves, such as `app.listen`'s. */
  listenTo(server: Server): void;
  /**
   * Sends an event to everybody who listens to a channel, in every process that shares the bus.
   * `from` is whose correlation it carries, where the channel has `carrier`: an exchange, or the
   * context of a job. Without it, whom the running code works for, where that is known.
   * @throws ProblemError `ERR_CHANNEL_UNKNOWN` for a channel that no pattern has
   * @throws TypeError for data that JSON cannot express
   */
  publish(channel: string, data: unknown, from?: Correlated): void;
  /** Who is on a channel with presence. */
  members(channel: string): readonly string[];
  /** Everybody who is connected to this process. */
  connections(): readonly Member[];
  /** Ends every connection of a principal, in every process, for good (4003). Answers how many there were in this one. */
  disconnect(principal: string): number;
  /** Begins to hear the bus; `setup` calls it, and so does `listenTo`. */
  start(): Promise<void>;
  stats(): Stats;
  health(): HealthReport;
  /** Tells every client when to come back, and ends its connection. Idempotent. */
  close(signal?: AbortSignal): Promise<void>;
}

/** Both middlewares, as Express and `setup` take them, and what can be done with them. */
export type Websocket = [Middleware, Middleware] & Channels;

/** Makes a server of channels. @throws OptionError for unknown or wrong options */
export function websocket(options?: Given<WebsocketOptions>): Websocket {
  const settings = resolveWebsocketOptions(options);
  const { path, clock, random } = settings;
  const events = websocketEvents(settings.onEvent);
  const hub = new Hub(settings, events);
  const { totals, relay } = hub;
  const conversation = new Conversation(hub, settings);
  const admission = new Admission(settings, totals, events);
  const library = new WebSocketServer({
    // Newer than its types: how long a client may take to answer a close frame.
    ...({ closeTimeout: settings.closeTimeoutMs } as object),
    noServer: true,
    clientTracking: false,
    // Pings are answered here, within the client's rate, and not to one who does not read.
    autoPong: false,
    maxPayload: settings.maxMessageBytes,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  const upgrades = new Upgrades({
    path,
    refuseOthers: settings.refuseOthers,
    onAdmitted: open,
  });
  const answerMonitoring = websocketsRoute(settings.monitoringPath, hub, settings.access);
  let host: Host | undefined;
  let cancelSteps: Cancel | undefined;
  let leaving: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  /** The exchange has ended well; from here on it is a WebSocket. */
  function open(exchange: Exchange): void {
    const { req } = exchange;
    const { socket, head } = upgrades.of(req)!;
    const admitted = admission.take(exchange);
    if (admitted === undefined) {
      reportUndecided(exchange);
      socket.destroy();
      return;
    }
    if (socket.destroyed || admission.closing) {
      socket.destroy();
      admission.release(admitted);
      return;
    }
    releaseWith(socket, admitted);
    // A whole closes us; without one nobody may, and a word from whoever ends the server is better than none.
    if (host !== undefined) ownSocket(socket);
    library.handleUpgrade(req, socket, head, (ws) => welcome(ws, exchange, admitted));
  }

  /** Apart, so that what waits for the end of a connection does not hold its request until then. */
  function releaseWith(socket: Socket, admitted: Admitted): void {
    socket.once('close', () => admission.release(admitted));
  }

  function welcome(ws: WebSocket, exchange: Exchange, { identity, address }: Admitted): void {
    const { socket } = upgrades.of(exchange.req)!;
    const connection = new Connection({
      ...settings,
      ws,
      socket,
      from: { id: exchange.id, trace: exchange.trace },
      identity,
      address,
      openedMs: clock.monotonicMs(),
      held: hub.held,
      onSlow(member, why) {
        totals.slowTotal++;
        if (events.listening) events.tell({ type: 'slow', member, why });
      },
    });
    ws.on('message', (data: Buffer, isBinary) => conversation.receive(connection, data, isBinary));
    ws.on('ping', (payload: Buffer) => conversation.receivePing(connection, payload));
    ws.on('pong', () => void (connection.heard = true));
    // What is wrong with its frames is told by the code with which the library closes.
    ws.on('error', () => undefined);
    ws.once('close', (code) => {
      hub.dismiss(connection);
      if (!events.listening) return;
      const durationMs = clock.monotonicMs() - connection.openedMs;
      events.tell({ type: 'closed', member: connection, code, durationMs });
    });
    hub.admit(connection);
    begin();
    connection.send({
      type: 'hello',
      version: PROTOCOL_VERSION,
      connection: connection.id,
      heartbeatMs: settings.heartbeatMs,
      expiresAt: connection.expiresAt,
    });
    if (events.listening) events.tell({ type: 'opened', member: connection });
  }

  /** What has to happen from time to time does, from now on. */
  function begin(): void {
    if (closing === undefined) cancelSteps ??= clock.every(STEP_MS, step);
  }

  async function start(): Promise<void> {
    if (relay === undefined || closing !== undefined) return;
    begin();
    await relay.start();
  }

  /** Lets nobody in any more, and tells everybody to come back elsewhere. Resolves when all have gone, or their time is over. */
  async function leave(): Promise<void> {
    admission.closing = true;
    hub.flush();
    for (const connection of hub.connections) {
      const reconnectInMs = Math.round(random() * settings.reconnectWindowMs);
      connection.send({ type: 'goodbye', reconnectInMs });
      connection.close(CLOSE.restart, 'the server restarts');
    }
    await within(settings.closeTimeoutMs, clock, () => hub.empty());
  }

  async function end(signal: AbortSignal | undefined): Promise<void> {
    await Promise.race([(leaving ??= leave()), ...(signal === undefined ? [] : [aborted(signal)])]);
    for (const connection of hub.connections) {
      connection.terminate();
      hub.dismiss(connection);
    }
    hub.flush();
    cancelSteps?.();
    upgrades.release();
    await relay?.close();
  }

  /** A whole that drains, and listens no more, waits for connections to end; ours do not by themselves. */
  function step(): void {
    hub.step();
    if (host?.state === 'draining' && !upgrades.areListening) leaving ??= leave();
  }

  const stats = (): Stats => statsOf(hub);
  const health = (): HealthReport => healthOf(hub, admission.seats.taken, settings);
  const close = (signal?: AbortSignal): Promise<void> => (closing ??= end(signal));

  const edge = defineMiddleware({
    name: 'websocket',
    phase: 'edge',
    reason: 'shows operators its state, whatever the load',
    step(exchange): StepResult {
      const { req } = exchange;
      // One look tells for nearly every request.
      if (!req.originalUrl.startsWith(path) || addressOf(req) !== path) {
        return answerMonitoring?.(exchange);
      }
      exchange.route = path;
      return upgrades.of(req) === undefined
        ? admission.refuse(exchange, upgradeRequired())
        : undefined;
    },
    attach(given) {
      host = given;
      given.onServer((server) => upgrades.listen(server, given));
    },
    start() {
      hub.propagator = host?.components().find(isPropagator);
      return start();
    },
    health,
    stats,
    close,
  });

  const gate = defineMiddleware({
    name: 'websocket:admission',
    phase: 'protect',
    priority: 90,
    after: ['rate-limit'],
    protects: true,
    reason: 'lets a WebSocket in when everything that protects requests has seen it',
    step(exchange): StepResult {
      const asking = upgrades.of(exchange.req);
      if (asking === undefined) return undefined;
      if (!asking.isOurs) return admission.refuse(exchange, noSocketHere());
      const finish = (decision: void | typeof HANDLED): void | typeof HANDLED => {
        if (decision === HANDLED || asking.response === undefined) return decision;
        handOver(exchange, asking);
        open(exchange);
        return HANDLED;
      };
      const decision = admission.decide(exchange);
      return decision instanceof Promise ? decision.then(finish) : finish(decision);
    },
  });

  return Object.assign([edge, gate] as [Middleware, Middleware], {
    listenTo(server: Server): void {
      upgrades.listen(server);
      // Whoever waits for the bus awaits start() first.
      start().catch((error: unknown) => report(error, 'websocket bus'));
    },
    publish: (channel: string, data: unknown, from?: Correlated) =>
      hub.publish(channel, data, from),
    members: (channel: string) => hub.channels.get(channel)?.members ?? [],
    connections: (): readonly Member[] => [...hub.connections],
    disconnect: (principal: string) => hub.disconnect(principal),
    start,
    stats,
    health,
    close,
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
