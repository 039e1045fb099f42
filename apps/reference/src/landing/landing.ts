/**
 * `/` explains the service and links all of it, `/problems` lists what can go wrong;
 * pages for browsers, JSON for programs. The pages need nothing but themselves, and
 * their policy allows nothing else.
 */
import { createHash } from 'node:crypto';
import { problemsJson } from '@org/errors';
import type { Stack } from '@org/setup';
import { type Response, Router } from 'express';

import { problems } from '../problems.ts';
import { pageScript, STYLE } from './assets.ts';
import { CREDITS, DOCUMENT_LINKS, LINKS, OPERATOR_LINKS } from './links.ts';
import { landingPage, problemsPage } from './page.ts';

export function landing(stack: Pick<Stack, 'explain'>): Router {
  const router = Router();
  const kinds = problemsJson(problems);
  const script = pageScript();
  const policy = [
    "default-src 'none'",
    `style-src ${digest(STYLE)}`,
    `script-src ${digest(script)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

  router.get('/', (req, res) => {
    const origin = `${req.protocol}://${req.get('host') ?? 'localhost'}`;
    // The chain can change while the service runs, so it is asked anew.
    res.set('Cache-Control', 'no-cache');
    res.format({
      html: () => sendPage(res, policy, landingPage(stack.explain().rows, origin, script)),
      json: () =>
        res.json({ links: [...LINKS, ...DOCUMENT_LINKS, ...OPERATOR_LINKS], credits: CREDITS }),
    });
  });

  router.get('/problems', (_req, res) => {
    res.format({
      html: () => sendPage(res, policy, problemsPage(kinds)),
      json: () => res.json({ items: kinds }),
    });
  });

  return router;
}

function sendPage(res: Response, policy: string, html: string): void {
  res.set({
    'Content-Security-Policy': policy,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
  res.send(html);
}

function digest(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
