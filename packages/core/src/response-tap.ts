/**
 * The response tap: the one place where the house reaches into a response. Stacks
 * of middleware break where each patches `write`, `end` and `writeHead` for itself;
 * here they are replaced once, on the app's own response prototype, and hand the
 * response to the typed stages of `stages.ts`. A response that no stage touches
 * costs one comparison per call.
 *
 * Node's semantics are kept: what a caller may observe of `writeHead`, `write`,
 * `end`, events, back-pressure and errors is the same with and without stages.
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import { byteLength, callbackOf, encodingOf, isBody, isChunk, toBuffer } from './chunk.ts';
import type { Exchange } from './exchange.ts';
import {
  endReplaced,
  endStream,
  endWhole,
  refuseChunk,
  refuseEnd,
  refuseHead,
  sendHead,
  swallow,
  swallowEnd,
} from './response-end.ts';
import { holds } from './response-hold.ts';
import { MAX_ROUTER_DEPTH } from './listed-routes.ts';
import { captureChunk, runHeadStages, runUnsent, transformValue } from './response-stages.ts';
import { BODY_STAGES, HEAD_STAGES, HOLD } from './stages.ts';
import { EXCHANGE, type Headers, type Methods, type Tapped, TAPPED } from './tapped.ts';
import type { Timeline } from './timeline.ts';

/** What libraries patch on a response of their own. */
const PATCHABLE = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

type Target = object & { [TAPPED]?: true };

/**
 * Makes sure that the response goes through the stages of its exchange. The first
 * response of an Express app has the app's response prototype replaced for good;
 * a response without Express is replaced by itself.
 * @returns whether patches of others stand below, which act on what the stages have seen already
 */
export function tapResponse(res: ServerResponse): boolean {
  const own = Object.hasOwn(res, TAPPED);
  if (!own && (res as Target)[TAPPED] === true) return false;
  // Somebody may have patched this very response before the tap existed, and hold the methods of then.
  const patched = !own && PATCHABLE.some((name) => Object.hasOwn(res, name));
  const prototype = outermostPrototype(res);
  if (prototype === undefined) {
    if (!own) install(res, methodsOf(res));
    return patched;
  }
  if (prototype[TAPPED] === true) return false;
  for (const nested of appsIn((prototype as { readonly app?: Tappable }).app?.router)) {
    tapApplication(nested);
  }
  const found = methodsOf(res);
  install(prototype, belowOf(prototype));
  if (patched) install(res, found);
  return patched;
}

/** The methods of a response as they are now, somebody's patches included. */
function methodsOf(res: ServerResponse): Methods {
  const { writeHead, write, end, flushHeaders, flush } = res as unknown as Methods;
  return { writeHead, write, end, flushHeaders, ...(flush === undefined ? {} : { flush }) };
}

/** What a prototype inherits, as that is when it is called, under what somebody has patched on it. */
function belowOf(prototype: object): Methods {
  const inherited = Object.getPrototypeOf(prototype) as Methods;
  if (![...PATCHABLE, 'json', 'jsonp', 'flush'].some((name) => Object.hasOwn(prototype, name))) {
    return inherited;
  }
  return Object.create(inherited, Object.getOwnPropertyDescriptors(prototype)) as Methods;
}

/**
 * Taps the responses of an app, before the first one exists, and those of apps that stand in its
 * routers by then: Express gives a response to such an app with that one's own prototype.
 */
export function tapApplication(app: Tappable): void {
  if ((app.response as Target)[TAPPED] !== true) {
    install(app.response, belowOf(app.response));
  }
  for (const nested of appsIn(app.router)) tapApplication(nested);
}

/** An Express app, as far as it is tapped. */
interface Tappable {
  readonly response: object;
  readonly router?: unknown;
}

/** Apps that were mounted in routers; those that an app has mounted itself inherit its prototype. */
function appsIn(router: unknown, depth: number = 0): readonly Tappable[] {
  const { stack = [] } = (router ?? {}) as { stack?: readonly { readonly handle?: unknown }[] };
  if (depth > MAX_ROUTER_DEPTH) return [];
  return stack.flatMap(({ handle }): readonly Tappable[] => {
    const { response } = (handle ?? {}) as Partial<Tappable>;
    return typeof response === 'object' ? [handle as Tappable] : appsIn(handle, depth + 1);
  });
}

/** The response prototype of the outermost Express app, from which those of mounted apps inherit. */
function outermostPrototype(res: ServerResponse): Target | undefined {
  let found: Target | undefined;
  let at = Object.getPrototypeOf(res) as object | null;
  while (at !== null) {
    if (Object.hasOwn(at, 'app')) found = at;
    at = Object.getPrototypeOf(at) as object | null;
  }
  return found;
}

/** A call that is made again is made here: whoever has patched the response above has seen it. */
function install(target: Target, below: Methods): void {
  const methods: Methods = {
    writeHead(this: Tapped, status, reason, headers) {
      const exchange = this.req[EXCHANGE];
      // It may not be sent before whoever holds the answer back lets it go; then the body brings it.
      if (exchange !== undefined && (exchange.stageBits & HOLD) !== 0 && isFinal(this, status)) {
        mergeHead(this, status, reason, headers);
        return this;
      }
      if (exchange === undefined || !mayRunHead(exchange, this, status)) {
        const state = exchange?.tapState;
        if (state?.held === true || state?.holding !== undefined) refuseHead();
        return below.writeHead.call(this, status, reason, headers);
      }
      const state = exchange.tapState!;
      // Node's own implicit head, by far the commonest, brings the status alone.
      if (reason === undefined && headers === undefined) this.statusCode = Math.trunc(status);
      else mergeHead(this, status, reason, headers);
      const streamed = state.whole === undefined;
      runHeadStages(exchange);
      if (state.replaced && streamed) return endReplaced(this, exchange, below);
      if (state.coding !== undefined) return this;
      return sendHead(this, exchange, below);
    },

    // Node's own sends the head by itself, at once, whether or not the tap holds it back.
    flushHeaders(this: Tapped) {
      const exchange = this.req[EXCHANGE];
      if (
        exchange !== undefined &&
        (exchange.stageBits & HOLD) !== 0 &&
        holds(this, exchange, () => methods.flushHeaders.call(this), false)
      ) {
        return;
      }
      const staged = exchange !== undefined && (exchange.stageBits & BODY_STAGES) !== 0;
      if (staged && !this.headersSent) this.writeHead(this.statusCode);
      if (exchange?.tapState?.held !== true) below.flushHeaders.call(this);
    },

    write(this: Tapped, chunk, encoding, callback) {
      const exchange = this.req[EXCHANGE];
      if (exchange === undefined || exchange.stageBits === 0 || !isChunk(chunk)) {
        return below.write.call(this, chunk, encoding, callback);
      }
      const state = exchange.tapState!;
      if (state.replaced) return swallow(this, exchange, callbackOf(encoding, callback));
      if (state.held) return refuseChunk(this, callbackOf(encoding, callback));
      if (
        (exchange.stageBits & HOLD) !== 0 &&
        holds(this, exchange, () => void methods.write.call(this, chunk, encoding, callback), false)
      ) {
        return false;
      }
      if (this.finished || this.destroyed) {
        state.lost = true;
        return below.write.call(this, chunk, encoding, callback);
      }
      if ((exchange.stageBits & BODY_STAGES) !== 0) {
        if (!this.headersSent) this.writeHead(this.statusCode);
        if (state.replaced) return swallow(this, exchange, callbackOf(encoding, callback));
        if (chunk.length === 0) return below.write.call(this, chunk, encoding, callback);
        if (state.sinks.length > 0) captureChunk(exchange, toBuffer(chunk, encoding));
        if (state.dropped) return swallow(this, exchange, callbackOf(encoding, callback));
        if (state.encoder !== undefined) {
          const { stream } = state.encoder;
          return stream.write(chunk, encodingOf(encoding), callbackOf(encoding, callback));
        }
      }
      exchange.bytes += byteLength(chunk, encoding);
      return below.write.call(this, chunk, encoding, callback);
    },

    // Users know it from `compression`: nothing but an encoder holds back what was written.
    flush(this: Tapped) {
      const encoder = this.req[EXCHANGE]?.tapState?.encoder;
      if (encoder === undefined) below.flush?.call(this);
      else if (!encoder.stream.writableEnded && !encoder.stream.destroyed) encoder.flush?.();
    },

    end(this: Tapped, chunk, encoding, callback) {
      const exchange = this.req[EXCHANGE];
      if (exchange?.timeline !== undefined) answered(exchange.timeline, exchange);
      if (exchange === undefined || exchange.stageBits === 0) {
        return below.end.call(this, chunk, encoding, callback);
      }
      if (typeof chunk === 'function') return methods.end.call(this, undefined, undefined, chunk);
      if (typeof encoding === 'function') return methods.end.call(this, chunk, undefined, encoding);
      if (exchange.tapState!.replaced) return swallowEnd(this, callback);
      if (exchange.tapState!.held) return refuseEnd(this, chunk, callback);
      if (
        (exchange.stageBits & HOLD) !== 0 &&
        // What is no body is thrown back now, at whoever gave it.
        (!chunk || isBody(chunk)) &&
        holds(this, exchange, () => void methods.end.call(this, chunk, encoding, callback), true)
      ) {
        return this;
      }
      if ((exchange.stageBits & BODY_STAGES) === 0) {
        if (isBody(chunk) && !this.finished) exchange.bytes += byteLength(chunk, encoding);
        return below.end.call(this, chunk, encoding, callback);
      }
      if (this.finished || this.destroyed || (Boolean(chunk) && !isBody(chunk))) {
        if (!this.finished && this.destroyed) {
          runUnsent(exchange, isBody(chunk) ? toBuffer(chunk, encoding) : EMPTY);
        }
        return below.end.call(this, chunk, encoding, callback);
      }
      return this.headersSent
        ? endStream(this, exchange, below, chunk, encoding, callback)
        : endWhole(
            this,
            exchange,
            below,
            isBody(chunk) ? toBuffer(chunk, encoding) : EMPTY,
            callback,
          );
    },
  };
  for (const name of ['json', 'jsonp'] as const) {
    const original = below[name];
    if (typeof original !== 'function') continue;
    methods[name] = function (this: Tapped, value) {
      const exchange = this.req[EXCHANGE];
      return original.call(this, exchange === undefined ? value : transformValue(exchange, value));
    };
  }
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
  Object.defineProperties(target, {
    [TAPPED]: { value: true, configurable: true },
    headersSent: unlessHeld(target, 'headersSent'),
    writableEnded: unlessHeld(target, 'writableEnded'),
  });
}

/** The handler has ended the answer; what it does to it after that is late. */
function answered(timeline: Timeline, { clock }: Exchange): void {
  if (Number.isNaN(timeline.answeredMs)) timeline.answeredMs = clock.monotonicMs();
}

/** While the tap holds back what `end` was given, the response has ended all the same for its owner. */
function unlessHeld(target: object, name: 'headersSent' | 'writableEnded'): PropertyDescriptor {
  const below = getterOf(Object.getPrototypeOf(target) as object, name);
  return {
    configurable: true,
    get(this: Tapped): boolean {
      const state = this.req[EXCHANGE]?.tapState;
      if (state?.held === true) return true;
      if (state?.holding !== undefined && name === 'headersSent') return true;
      return below.call(this);
    },
  };
}

/** The getter that objects with this prototype inherit. */
function getterOf(prototype: object, name: string): (this: object) => boolean {
  let at: object | null = prototype;
  while (at !== null) {
    const getter = Object.getOwnPropertyDescriptor(at, name)?.get;
    if (getter !== undefined) return getter as (this: object) => boolean;
    at = Object.getPrototypeOf(at) as object | null;
  }
  // A response that is no Node response keeps these as plain properties, or has none.
  return function (this: object) {
    return Reflect.get(prototype, name, this) === true;
  };
}

function mayRunHead(exchange: Exchange, res: Tapped, status: number): boolean {
  return (
    (exchange.stageBits & HEAD_STAGES) !== 0 && !exchange.tapState!.headRun && isFinal(res, status)
  );
}

/** The head of an answer, which has none yet; interim and impossible ones are for Node alone (RFC 9110 §15.2). */
function isFinal(res: Tapped, status: number): boolean {
  return !res.headersSent && status >= 200 && status <= 999;
}

/** Puts the arguments of `writeHead` where stages look: into the status and the header calls. */
function mergeHead(
  res: Tapped,
  status: number,
  reason: string | Headers | undefined,
  headers: Headers | undefined,
): void {
  const given = typeof reason === 'string' ? headers : (headers ?? reason);
  if (typeof reason === 'string') res.statusMessage = reason;
  res.statusCode = Math.trunc(status);
  if (!Array.isArray(given)) {
    for (const [name, value] of Object.entries((given as OutgoingHttpHeaders | undefined) ?? {})) {
      if (name !== '') res.setHeader(name, value!);
    }
    return;
  }
  const flat = (Array.isArray(given[0]) ? given.flat(1) : given) as string[];
  if (flat.length % 2 !== 0) {
    throw Object.assign(
      new TypeError(`The argument 'headers' is invalid. Received ${JSON.stringify(given)}`),
      {
        code: 'ERR_INVALID_ARG_VALUE',
      },
    );
  }
  // A name given twice stands on two lines; one that was set before is replaced.
  const seen = new Set<string>();
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at]!;
    const line = seen.has(name.toLowerCase()) ? 'appendHeader' : 'setHeader';
    res[line](name, flat[at + 1]!);
    seen.add(name.toLowerCase());
  }
}
const EMPTY: Buffer = Buffer.alloc(0);
