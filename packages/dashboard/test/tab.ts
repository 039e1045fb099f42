/** A tab as the server sees it: a request that stays open and takes events, or does not. */
import { type ClientRequest, get, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

/** One event of the stream. */
export interface Heard {
  readonly event: string;
  readonly id: string | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any;
}

/** An open stream. */
export interface Tab {
  readonly response: IncomingMessage;
  /** The next event that has not been looked at. */
  next(): Promise<Heard>;
  /** Resolves when the server has ended the stream; `false` where it was cut. */
  readonly ended: Promise<boolean>;
  /** Stops taking anything. */
  pause(): void;
  close(): void;
}

/** Opens the events of a dashboard. */
export async function openTab(url: string, headers: OutgoingHttpHeaders = {}): Promise<Tab> {
  let request!: ClientRequest;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request = get(url, { headers, agent: false }, resolve);
    request.on('error', reject);
  });
  response.setEncoding('utf8');
  const heard: Heard[] = [];
  let wake: () => void = () => undefined;
  let text = '';
  response.on('data', (chunk: string) => {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) heard.push(eventOf(block));
    wake();
  });
  const ended = new Promise<boolean>((resolve) => {
    response.on('error', () => undefined);
    response.on('close', () => resolve(response.complete));
  });
  return {
    response,
    ended,
    async next() {
      while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return heard.shift()!;
    },
    pause: () => void response.pause(),
    close: () => void request.destroy(),
  };
}

function eventOf(block: string): Heard {
  const fields = new Map(
    block.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
  return {
    event: fields.get('event')!,
    id: fields.get('id'),
    data: JSON.parse(fields.get('data')!),
  };
}
