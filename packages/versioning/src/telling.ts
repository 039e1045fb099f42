/** What an answer says of its version: which it is, by what it was chosen, and when it ends. */
import type { ResponseHead } from '@org/core';

import type { Ending } from './deprecation.ts';
import type { VersioningOptions } from './options.ts';

/** Writes the headers; their values are made at construction. */
export class Telling {
  private readonly headerName: string | false;
  /** The request headers that an answer depends on (RFC 9110 §12.5.5). */
  private readonly vary: readonly string[];
  private readonly varyText: string;

  constructor(settings: Readonly<VersioningOptions>) {
    const { headerName, responseHeaderName, sources, pin, pinHeaders } = settings;
    this.headerName = responseHeaderName ?? headerName;
    this.vary = [
      ...(sources.includes('header') ? [headerName] : []),
      ...(sources.includes('media-type') ? ['Accept'] : []),
      ...(pin === undefined ? [] : pinHeaders),
    ];
    this.varyText = this.vary.join(', ');
  }

  tell(head: ResponseHead, version: string, ending: Ending | undefined): void {
    if (this.headerName !== false) head.set(this.headerName, version);
    if (this.vary.length > 0) {
      if (head.has('Vary')) head.addToList('Vary', ...this.vary);
      else head.set('Vary', this.varyText);
    }
    if (ending === undefined) return;
    for (const [field, value] of ending.headers) head.set(field, value);
    for (const link of ending.links) head.append('Link', link);
  }
}
