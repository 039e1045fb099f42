/** The app's line that asked for a statement. V8 makes the text of a stack only when it is read. */

/** A place, as text once it is read. */
export interface CallSite {
  readonly stack?: string;
}

/** Remembers who called the function `below`. */
// oxlint-disable-next-line typescript/no-unsafe-function-type
export function callSite(below: Function): CallSite {
  const site: CallSite = {};
  Error.captureStackTrace(site, below);
  return site;
}

/** Such as `/app/routes/trips.ts:88:21`; nothing where none of the frames is the app's. */
export function lineOf({ stack = '' }: CallSite): string | undefined {
  const frames = stack.split('\n').slice(1);
  const own = frames.find((frame) => !FOREIGN.test(frame) && !frame.includes(HERE));
  return /((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(own ?? '')?.[1]?.replace(/^file:\/\//, '');
}

const FOREIGN = /[\\/]node_modules[\\/]|\bnode:|\(<anonymous>\)/;

/** The folder that this file is in, wherever it was built to. */
const HERE: string =
  /\(?(?:file:\/\/)?([^\s()]+[\\/])[^\\/]+:\d+:\d+\)?$/.exec(
    new Error('here').stack?.split('\n')[1] ?? '',
  )?.[1] ?? '\0';
