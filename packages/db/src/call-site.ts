/**
 * Where in the app something was asked for, in words of ours. It is looked at for one in so many, and
 * where something has gone wrong.
 */
import { type CallSite, folderOfCaller, framesOf, lineOf as lineOutside } from '@org/core';

/** Builders come to a session by way of files of this package. */
const HERE = folderOfCaller();

/** The stack of a place, without a headline. */
export function stackOf(site: CallSite | undefined): string {
  const frames = framesOf(site);
  return frames.length === 0 ? '    at a place that was not looked at' : frames.join('\n');
}

/** The app's own line of a place, such as `/app/routes/trips.ts:88:21`; nothing where none is known. */
export function lineOf(site: CallSite | undefined): string | undefined {
  return lineOutside(site, HERE);
}
