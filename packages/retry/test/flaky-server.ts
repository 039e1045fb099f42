/** A server on loopback that follows a script, one step a request, and then is well. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { serve } from '@org/core/testing';

/** What becomes of one request. */
export type Step =
  | number
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The connection is cut. */
  | 'reset'
  /** No answer comes. */
  | 'silence'
  /** A head and some of the body come, and no more. */
  | 'stall';

/** A request as it came. */
export interface Seen {
  readonly method: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Which connection it came on. */
  readonly port: number | undefined;
  /** Resolves once the client has let go of it. */
  readonly closed: Promise<void>;
}

export interface Flaky {
  readonly url: string;
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

export async function flakyServer(...script: readonly Step[]): Promise<Flaky> {
  const seen: Seen[] = [];
  const served = await serve((req, res) => {
    const step = script[seen.length] ?? 200;
    const closed = new Promise<void>((resolve) => void res.once('close', resolve));
    const at = seen.length;
    const entry = {
      method: req.method!,
      headers: req.headers,
      body: '',
      port: req.socket.remotePort,
      closed,
    };
    seen.push(entry);
    if (step === 'reset') {
      req.socket.destroy();
      return;
    }
    buffer(req).then(
      (body) => {
        seen[at] = { ...entry, body: body.toString() };
        answer(res, step);
      },
      () => {},
    );
  });
  return { url: served.url, seen, close: served.close };
}

function answer(res: ServerResponse, step: Exclude<Step, 'reset'>): void {
  if (step === 'silence') return;
  if (step === 'stall') {
    res.writeHead(200);
    res.write('some');
    return;
  }
  const { status, headers, body } =
    typeof step === 'number' ? { status: step, headers: {}, body: String(step) } : step;
  res.writeHead(status, headers).end(body ?? String(status));
}
