import { assert as check, constantFrom, oneof, property, record, string, webUrl } from 'fast-check';
import express from 'express';
import { ProblemError } from '@org/core';
import { csrf, reputation, sanitise } from '@org/security';

const app = express().set('trust proxy', true);

/** A request as the parts see one, behind a proxy that is trusted. */
function requestOf(headers: Record<string, string | undefined>, method: string, url: string) {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined);
  const req = Object.assign(Object.create(app.request) as express.Request, {
    headers: Object.fromEntries(given),
    method,
    url,
    baseUrl: '',
    socket: { remoteAddress: '127.0.0.1' },
  });
  const nothing = (): void => undefined;
  const res = {
    locals: {},
    setHeader: nothing,
    appendHeader: nothing,
    json: nothing,
    end: nothing,
  };
  const exchange = { req, res, internal: false, peekPrincipal: () => undefined };
  return { req, exchange: exchange as never };
}

const text = oneof(string({ unit: 'binary' }), string({ unit: 'grapheme-ascii' }));
const field = oneof(text, webUrl(), constantFrom(undefined, '', 'null', ',', ';=;', '::1', '%'));
const hostile = record({
  cookie: oneof(field, constantFrom('__Host-csrf=', '__Host-csrf=.', '__Host-csrf=a.b; sid')),
  host: field,
  origin: field,
  referer: field,
  authorization: field,
  'sec-fetch-site': oneof(field, constantFrom('same-origin')),
  'x-csrf-token': oneof(field, constantFrom('.', 'AA', 'a.b')),
  'x-forwarded-for': oneof(field, constantFrom('::ffff:1.2.3.4', 'fe80::1%x', '1.2.3.4.5', '1:2')),
  'x-forwarded-host': field,
  'content-type': field,
});

test('whatever a client sends, what comes of it is a refusal or nothing: no error of ours', () => {
  const guard = reputation({
    deny: ['10.0.0.0/8', '2001:db8::/32'],
    allow: ['::1'],
    throwRefusals: true,
  });
  const protection = csrf({
    throwRefusals: true,
    token: { secret: 'a secret of at least thirty-two characters', sessionOf: () => 'me' },
  });
  const copies = sanitise();
  guard.block('192.0.2.1');
  const paths = constantFrom('/', '/api/middleware/blocks/%', '/api/middleware/blocks', '*', '');
  check(
    property(
      hostile,
      constantFrom('GET', 'POST', 'x'),
      paths,
      text,
      (headers, method, path, query) => {
        const { req, exchange } = requestOf(headers, method, `${path}?${query}`);
        for (const part of [guard, protection, copies]) {
          const thrown = errorOf(() => void part.step!(exchange));
          if (thrown !== undefined && !(thrown instanceof ProblemError)) throw thrown;
        }
        guard.note(exchange, 1, 'hostile');
        expect(Object.keys(req.sanitised.query)).not.toContain('__proto__');
      },
    ),
    { numRuns: 2000 },
  );
  expect(protection.stats().checkedTotal).toBeGreaterThan(0);
});

function errorOf(work: () => void): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}
