/**
 * Offers a copy of what came in without what is dangerous in it, at `req.sanitised`, beside the
 * original: Express 5 makes `req.query` anew at each reading, and whoever has to see what was
 * really sent, a signature's check or an audit, still can. A part is copied when it is read.
 */
import { createRequire } from 'node:module';
import { defineMiddleware, type Given, type Middleware, OptionError, type Stats } from '@org/core';
import type { Request } from 'express';

import { Copier, foldDuplicates, htmlFields } from './clean-copy.ts';
import {
  type CleanHtml,
  resolveSanitiseOptions,
  type SanitiseOptions,
} from './sanitise-options.ts';

/** Clean copies of the parts of a request. Reading one throws a problem (400) for what cannot be copied. */
export interface SanitisedRequest {
  readonly query: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
  /** `undefined` where no body has been parsed. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

declare global {
  namespace Express {
    interface Request {
      /** What `sanitise` of `@org/security` made of this request. */
      sanitised: SanitisedRequest;
    }
  }
}

type Part = 'query' | 'params' | 'body';

const FORM = /^application\/x-www-form-urlencoded\b/i;

/** Makes the copies. @throws OptionError for unknown or wrong options, and where HTML cannot be cleaned */
export function sanitise(options?: Given<SanitiseOptions>): Middleware {
  const settings = resolveSanitiseOptions(options);
  const repeatable = new Set(settings.repeatable);
  const html = htmlFields(settings.html);
  const cleanHtml = settings.html.length === 0 ? unchanged : (settings.cleanHtml ?? sanitizeHtml());
  const counts = { copies: 0, dropped: 0 };

  function copyOf(req: Request, part: Part, value: unknown): unknown {
    const copier = new Copier(settings, cleanHtml);
    const isForm = part === 'body' && FORM.test(req.headers['content-type'] ?? '');
    const single = part === 'query' || isForm;
    const copy = copier.copy(
      single ? foldDuplicates(value, settings.duplicates, repeatable) : value,
      html.below.get(part),
    );
    counts.copies++;
    counts.dropped += copier.dropped;
    return copy;
  }

  /** One for each request, in one shape; a copy is made again only where there is something else to copy. */
  class Sanitised implements SanitisedRequest {
    private readonly req: Request;
    private readonly sources: Partial<Record<Part, unknown>> = {};
    private readonly copies: Partial<Record<Part, unknown>> = {};

    constructor(req: Request) {
      this.req = req;
    }

    get query(): Readonly<Record<string, unknown>> {
      // A new object at each reading: it is the text that may have been changed.
      return this.read('query', this.req.url) as Readonly<Record<string, unknown>>;
    }

    get params(): Readonly<Record<string, unknown>> {
      return this.read('params', this.req.params) as Readonly<Record<string, unknown>>;
    }

    get body(): unknown {
      return this.read('body', this.req.body);
    }

    /** The copies, for answers and logs: the request behind them is nobody's to show. */
    toJSON(): SanitisedRequest {
      const { query, params, body } = this;
      return { query, params, body };
    }

    private read(part: Part, source: unknown): unknown {
      if (!(part in this.copies) || this.sources[part] !== source) {
        this.copies[part] = copyOf(this.req, part, this.req[part]);
        this.sources[part] = source;
      }
      return this.copies[part];
    }
  }

  return defineMiddleware({
    name: 'security:sanitise',
    phase: 'read',
    reason: 'copies what has been read, when somebody asks for it',
    step({ req }) {
      req.sanitised = new Sanitised(req);
    },
    stats: (): Stats => ({ copiesTotal: counts.copies, droppedKeysTotal: counts.dropped }),
  });
}

function unchanged(text: string): string {
  return text;
}

/** Loaded only where a field is declared as HTML: it brings a parser of its own. */
function sanitizeHtml(): CleanHtml {
  try {
    const load = createRequire(import.meta.url);
    return load('sanitize-html') as CleanHtml;
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'MODULE_NOT_FOUND') throw cause;
    throw new OptionError('security:sanitise', [
      'option "html" needs something that cleans HTML. Run: npm install sanitize-html (or give "cleanHtml").',
    ]);
  }
}
