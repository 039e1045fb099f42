/**
 * A problem as a page for people: self-contained, every value escaped, no script,
 * and a Content-Security-Policy that would refuse one.
 */
import { createHash } from 'node:crypto';

import type { ProblemDocument } from './document.ts';

const STYLE = [
  ':root{color-scheme:light dark}',
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:15vh auto 2rem;padding:0 1rem}',
  'h1{font-size:1.5rem;margin:0 0 1rem}',
  'small,footer{color:GrayText}',
  'code,pre{font:.875rem/1.5 ui-monospace,monospace}',
  'pre{overflow-x:auto}',
].join('');

/** A writer of pages, and the policy to send with them. */
export interface HtmlPage {
  readonly policy: string;
  readonly write: (document: ProblemDocument) => string;
}

export function htmlPage(): HtmlPage {
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return {
    policy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    write,
  };
}

function write(document: ProblemDocument): string {
  const { status, title, detail, type, code, errorId, stack } = document;
  const heading = escape(title);
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    '<meta name="robots" content="noindex">',
    `<title>${status} ${heading}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1><small>${status}</small> ${heading}</h1>`,
    ...(detail === undefined ? [] : [`<p>${escape(detail)}</p>`]),
    ...(/^https?:\/\//.test(type)
      ? [`<p><a href="${escape(type)}" rel="noreferrer">About this problem</a></p>`]
      : []),
    ...(stack === undefined ? [] : [`<pre>${escape(stack.join('\n'))}</pre>`]),
    `<footer><code>${escape(code)}</code> · Error id <code>${escape(errorId)}</code></footer>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

const ESCAPES: Readonly<Record<string, string>> = Object.freeze({
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
});

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);
}
