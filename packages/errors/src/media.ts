/**
 * Which form an error takes: JSON for programs, a page for people in a browser,
 * text for those who read in a terminal (RFC 9110 §12.5.1). An Accept that allows
 * none of them gets JSON: an error in the wrong form is better than none.
 */
import Negotiator from 'negotiator';
import { type Exchange, PROBLEM_JSON, report, transformProblem } from '@org/core';

import { bareDocument, type ProblemDocument } from './document.ts';
import { htmlPage } from './html-page.ts';
import { plainText } from './plain-text.ts';

/** Writes a document in one media type. Must not wait. */
export type Renderer = (document: ProblemDocument, exchange: Exchange) => string;

/** An error's body, ready to send. */
export interface Rendered {
  readonly contentType: string;
  readonly body: string;
  /** Headers that the form itself needs. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Chooses a form by the request's Accept and writes the document in it. Never throws. */
export type Render = (document: ProblemDocument, exchange: Exchange) => Rendered;

interface Form {
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly write: Renderer;
}

const json: Form = Object.freeze<Form>({
  contentType: PROBLEM_JSON,
  headers: {},
  write: (document, exchange) => JSON.stringify(transformProblem(exchange, document)),
});

/** Joins the caller's renderers, by media type, with those for JSON, HTML and text. */
export function renderer(own: Readonly<Record<string, Renderer>>): Render {
  const page = htmlPage();
  const forms = new Map<string, Form>([
    [PROBLEM_JSON, json],
    // Who asks for JSON of any kind understands a problem document; its own type says what it is.
    ['application/json', json],
    [
      'text/html',
      {
        contentType: 'text/html; charset=utf-8',
        headers: { 'Content-Security-Policy': page.policy },
        write: page.write,
      },
    ],
    ['text/plain', { contentType: 'text/plain; charset=utf-8', headers: {}, write: plainText }],
  ]);
  for (const [type, write] of Object.entries(own)) {
    const contentType = type.startsWith('text/') ? `${type}; charset=utf-8` : type;
    forms.set(type, { contentType, headers: {}, write });
  }
  const types = [...forms.keys()];

  return (document, exchange) => {
    const { accept } = exchange.req.headers;
    const type =
      accept === undefined || accept === '*/*'
        ? PROBLEM_JSON
        : new Negotiator(exchange.req).mediaType(types);
    const form = forms.get(type ?? PROBLEM_JSON)!;
    return (
      attempt(form, document, exchange) ??
      // A member that JSON cannot hold, or a renderer that fails, costs its own part only.
      attempt(json, document, exchange) ?? {
        contentType: PROBLEM_JSON,
        headers: {},
        body: JSON.stringify(bareDocument(document)),
      }
    );
  };
}

function attempt(form: Form, document: ProblemDocument, exchange: Exchange): Rendered | undefined {
  try {
    const body = form.write(document, exchange);
    if (typeof body === 'string') {
      return { contentType: form.contentType, headers: form.headers, body };
    }
    throw new TypeError(`The renderer of ${form.contentType} must answer a string.`);
  } catch (fault) {
    report(fault, 'errors renderer', exchange);
    return undefined;
  }
}
