/**
 * `/`: explains the service and links all of it; a page for browsers, JSON for
 * programs. The page needs nothing but itself, and its policy allows nothing else.
 */
import { createHash } from 'node:crypto';
import type { Stack } from '@org/setup';
import { Router } from 'express';

import { SCRIPT, STYLE } from './assets.ts';
import { CREDITS, LINKS, OPERATOR_LINKS } from './links.ts';
import { page } from './page.ts';

const POLICY = [
  "default-src 'none'",
  `style-src ${digest(STYLE)}`,
  `script-src ${digest(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function landing(stack: Pick<Stack, 'explain'>): Router {
  const router = Router();
  router.get('/', (_req, res) => {
    // The chain can change while the service runs, so it is asked anew.
    const chain = stack.explain().rows;
    res.format({
      html() {
        res.set('Content-Security-Policy', POLICY);
        res.set('X-Content-Type-Options', 'nosniff');
        res.set('Referrer-Policy', 'no-referrer');
        res.send(page(chain));
      },
      json() {
        res.json({ links: [...LINKS, ...OPERATOR_LINKS], credits: CREDITS });
      },
    });
  });
  return router;
}

function digest(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
