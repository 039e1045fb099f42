/**
 * The other end, for browsers and for Node: a connection that comes back by itself, listens again to
 * what it listened to, gets what it missed, and says so where that cannot be had. No dependencies.
 */
import { Backoff } from './client/backoff.ts';
import { Interest } from './client/interest.ts';
import { type Client, type ClientOptions, type ClientState, LiveError } from './client/types.ts';
import { BEARER_PREFIX, CLOSE, type ServerMessage, SUBPROTOCOL } from './protocol.ts';

export {
  type Client,
  type ClientOptions,
  type ClientState,
  type EventInfo,
  type Gap,
  type Listener,
  LiveError,
} from './client/types.ts';

/** The part of a WebSocket that is used; browsers, Node and `ws` agree on it. */
interface Socket {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** A message that has no answer yet. */
interface Request {
  readonly message: { readonly type: string; readonly id: number };
  onAnswer(answer: Extract<ServerMessage, { type: 'ack' }>): void;
  onError(error: LiveError, retryInMs?: number): void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Opens a connection to `url` (`wss://…`, or a path in a browser), and keeps it open. */
export function connect(url: string, options: ClientOptions = {}): Client {
  const {
    token,
    minDelayMs = 500,
    maxDelayMs = 30_000,
    answerTimeoutMs = 10_000,
    maxQueued = 100,
    onState,
    random = Math.random,
    WebSocket = (globalThis as { WebSocket?: ClientOptions['WebSocket'] }).WebSocket,
  } = options;
  if (WebSocket === undefined) {
    throw new TypeError('There is no WebSocket here: give connect() one, such as that of "ws".');
  }
  const interests = new Map<string, Interest>();
  const requests = new Map<number, Request>();
  const backoff = new Backoff(minDelayMs, maxDelayMs, random);
  /** Messages that wait for a connection. */
  let queue: Request[] = [];
  let state: ClientState = 'connecting';
  let socket: Socket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let heartbeatMs = 0;
  let lastId = 0;
  let attempts = 0;
  /** Subscriptions over the server's rate, to be asked for again. */
  let refused: Interest[] = [];
  let retry: ReturnType<typeof setTimeout> | undefined;

  function enter(next: ClientState): void {
    if (state === next) return;
    state = next;
    onState?.(next);
  }

  async function open(): Promise<void> {
    enter('connecting');
    const attempt = ++attempts;
    const isOver = (): boolean => state !== 'connecting' || attempt !== attempts;
    // A token that never comes must not keep it from trying again; one that opens has said hello.
    timer = setTimeout(() => drop(), answerTimeoutMs);
    let made: Socket;
    try {
      const protocols = [SUBPROTOCOL];
      if (token !== undefined) protocols.push(BEARER_PREFIX + base64url(await token()));
      if (isOver()) return;
      made = new WebSocket!(url, protocols) as unknown as Socket;
    } catch {
      // RFC 6455 §7.1.5.
      if (!isOver()) lose(1006);
      return;
    }
    socket = made;
    // One of each, and none to be taken away: what is no longer ours is told apart by itself.
    // oxlint-disable-next-line unicorn/prefer-add-event-listener
    made.onmessage = ({ data }) => {
      if (socket === made) receive(JSON.parse(String(data)) as ServerMessage);
    };
    // oxlint-disable-next-line unicorn/prefer-add-event-listener
    made.onerror = () => undefined;
    // oxlint-disable-next-line unicorn/prefer-add-event-listener
    made.onclose = ({ code }) => {
      if (socket === made) lose(code);
    };
  }

  /** Gives the connection up without waiting for what the network says to it. */
  function drop(): void {
    socket?.close();
    lose(1006);
  }

  function lose(code: number): void {
    socket = undefined;
    clearTimeout(timer);
    clearTimeout(silence);
    forgetRetries();
    for (const request of requests.values()) {
      finish(request).onError(new LiveError('ERR_DISCONNECTED', 'The connection broke.'));
    }
    const isFinal = code === CLOSE.ended || (code === CLOSE.expired && token === undefined);
    if (isFinal) end(`The server has ended the connection (${code}).`);
    else wait();
  }

  /** Whoever connects anew asks for all of them. */
  function forgetRetries(): void {
    clearTimeout(retry);
    retry = undefined;
    refused = [];
  }

  function wait(): void {
    if (isClosed()) return;
    enter('waiting');
    timer = setTimeout(() => void open(), backoff.next());
  }

  function end(why: string): void {
    if (isClosed()) return;
    clearTimeout(timer);
    clearTimeout(silence);
    forgetRetries();
    const waiting = [...requests.values(), ...queue];
    requests.clear();
    queue = [];
    enter('closed');
    for (const request of waiting) {
      finish(request).onError(new LiveError('ERR_CLOSED', why));
    }
  }

  function isClosed(): boolean {
    return state === 'closed';
  }

  function receive(message: ServerMessage): void {
    hear();
    switch (message.type) {
      case 'hello':
        ({ heartbeatMs } = message);
        clearTimeout(timer);
        backoff.reset();
        greet();
        break;
      case 'ack':
      case 'error':
        answer(message);
        break;
      case 'event':
        interests.get(message.channel)?.onEvent(message);
        break;
      case 'gap':
        interests.get(message.channel)?.onGap(message);
        break;
      case 'presence':
        interests.get(message.channel)?.onPresence(message);
        break;
      case 'unsubscribed': {
        const interest = interests.get(message.channel);
        interests.delete(message.channel);
        interest?.onError(message.code, message.detail);
        break;
      }
      case 'expiring':
        if (token !== undefined) refresh().catch(() => undefined);
        break;
      case 'goodbye':
        backoff.hint(message.reconnectInMs);
        break;
    }
  }

  /** Looks for a sign of life where nothing has come for a while: a browser does not show pings. */
  function hear(): void {
    clearTimeout(silence);
    if (heartbeatMs === 0) return;
    silence = setTimeout(() => {
      demand({ type: 'ping' }, { onAnswer: () => undefined, onError: () => drop() }, false);
    }, heartbeatMs);
  }

  function greet(): void {
    enter('open');
    hear();
    for (const interest of interests.values()) ask(interest);
    const waiting = queue;
    queue = [];
    for (const one of waiting) send(one);
  }

  function answer(message: Extract<ServerMessage, { type: 'ack' | 'error' }>): void {
    const asked = requests.get(message.id ?? -1);
    if (asked === undefined) return;
    finish(asked);
    if (message.type === 'ack') asked.onAnswer(message);
    else {
      const { code, detail, issues, retryInMs } = message;
      asked.onError(new LiveError(code, detail, issues), retryInMs);
    }
  }

  /** Asks the server for a channel, and again where it says when. */
  function ask(interest: Interest): void {
    const { channel, position } = interest;
    demand(
      { type: 'subscribe', channel, since: position },
      {
        onAnswer(ack) {
          interest.onAck(ack);
          if (retry === undefined) askNext();
        },
        onError({ code, message }, retryInMs) {
          // Whoever connects anew asks anew.
          if (code === 'ERR_DISCONNECTED') return;
          const isWanted = interests.get(channel) === interest;
          if (isWanted && (retryInMs !== undefined || code === 'ERR_NO_ANSWER')) {
            refused.push(interest);
            retry ??= setTimeout(askNext, retryInMs ?? 0);
            return;
          }
          if (isWanted) {
            interests.delete(channel);
            interest.onError(code, message);
          }
          if (retry === undefined) askNext();
        },
      },
      false,
    );
  }

  /** Asks for one that was refused: the server has said when it takes one, not all of them. */
  function askNext(): void {
    retry = undefined;
    for (let next = refused.shift(); next !== undefined; next = refused.shift()) {
      if (interests.get(next.channel) !== next) continue;
      ask(next);
      return;
    }
  }

  /** Sends a message and waits for its answer; `waits` for a connection, too, or fails without one. */
  function demand(
    content: { readonly type: string } & Readonly<Record<string, unknown>>,
    answers: Pick<Request, 'onAnswer' | 'onError'>,
    waits: boolean,
  ): void {
    const id = ++lastId;
    const made: Request = {
      message: { ...content, id },
      ...answers,
      timer: setTimeout(() => {
        queue = queue.filter((one) => one !== made);
        finish(made).onError(new LiveError('ERR_NO_ANSWER', 'No answer came in time.'));
      }, answerTimeoutMs),
    };
    if (isClosed()) {
      finish(made).onError(new LiveError('ERR_CLOSED', 'This client is closed.'));
    } else if (state === 'open') {
      send(made);
    } else if (!waits) {
      finish(made).onError(new LiveError('ERR_DISCONNECTED', 'There is no connection.'));
    } else if (queue.length >= maxQueued) {
      finish(made).onError(
        new LiveError('ERR_QUEUE_FULL', `${maxQueued} messages wait for a connection.`),
      );
    } else {
      queue.push(made);
    }
  }

  function send(asked: Request): void {
    requests.set(asked.message.id, asked);
    socket!.send(JSON.stringify(asked.message));
  }

  function finish(asked: Request): Request {
    clearTimeout(asked.timer);
    requests.delete(asked.message.id);
    return asked;
  }

  function promised(content: Parameters<typeof demand>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      demand(content, { onAnswer: () => resolve(), onError: (error) => reject(error) }, true);
    });
  }

  async function refresh(): Promise<void> {
    if (token === undefined) throw new TypeError('refresh() needs the option "token".');
    await promised({ type: 'auth', token: await token() });
  }

  void open();

  return {
    get state() {
      return state;
    },
    subscribe(channel, given) {
      const listener = typeof given === 'function' ? { onEvent: given } : given;
      let interest = interests.get(channel);
      if (interest === undefined) {
        interest = new Interest(channel);
        interests.set(channel, interest);
        if (state === 'open') ask(interest);
      } else {
        interest.greet(listener);
      }
      const own = interest;
      own.listeners.add(listener);
      return () => {
        own.listeners.delete(listener);
        if (own.listeners.size > 0 || interests.get(channel) !== own) return;
        interests.delete(channel);
        if (state !== 'open') return;
        const ignore = (): void => undefined;
        demand({ type: 'unsubscribe', channel }, { onAnswer: ignore, onError: ignore }, false);
      };
    },
    publish: (channel, data) => promised({ type: 'publish', channel, data }),
    refresh,
    close() {
      const left = socket;
      socket = undefined;
      end('This client is closed.');
      left?.close(1000);
    },
  };
}

/** Text as a subprotocol can carry it (RFC 4648 §5), in browsers and in Node. */
function base64url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
