import { ProblemError } from '@org/core';
import { isTransient } from '@org/retry';

import { wasNeverSent } from '../src/transient.ts';

const coded = (code: string, more: object = {}): Error =>
  Object.assign(new Error(code), { code, ...more });
const fetchFailed = (cause: unknown): TypeError => new TypeError('fetch failed', { cause });
const problem = (status: number, code = 'ERR_X'): ProblemError =>
  new ProblemError({ code, status, detail: 'x' });

describe('what is worth another attempt', () => {
  test.each<[string, unknown]>([
    ['a reset connection', coded('ECONNRESET')],
    ['a refused connection', coded('ECONNREFUSED')],
    ['a resolver that is away', coded('EAI_AGAIN')],
    ['what fetch hides behind its own error', fetchFailed(coded('UND_ERR_SOCKET'))],
    ['a time limit', problem(504, 'ERR_TIME_LIMIT')],
    ['AbortSignal.timeout', new DOMException('x', 'TimeoutError')],
    ['an error with status 503', problem(503)],
    ['an error with statusCode 429', Object.assign(new Error('x'), { statusCode: 429 })],
    ['an error that says nothing', new Error('boom')],
    ['what is no error at all', 'boom'],
  ])('%s is', (_, error) => {
    expect(isTransient(error)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a caller who has gone', new DOMException('x', 'AbortError')],
    ['a circuit that is open', problem(503, 'ERR_CIRCUIT_OPEN')],
    ['an error with status 404', problem(404)],
    ['an error with status 500', problem(500)],
    ['a mistake of the program', new TypeError('x is not a function')],
    ['a certificate that is not trusted', fetchFailed(coded('CERT_HAS_EXPIRED'))],
    ['a code that names something else', coded('ENOENT')],
  ])('%s is not', (_, error) => {
    expect(isTransient(error)).toBe(false);
  });

  test('statuses are the caller’s to say', () => {
    expect(isTransient(problem(500), [500])).toBe(true);
    expect(isTransient(problem(503), [500])).toBe(false);
    // A time limit is no answer of the server's.
    expect(isTransient(problem(504, 'ERR_TIME_LIMIT'), [500])).toBe(true);
  });

  test('an error without end of causes ends', () => {
    const error = new Error('x');
    error.cause = error;
    expect(isTransient(error)).toBe(true);
  });
});

describe('what was never sent (RFC 9110 §9.2.2)', () => {
  const refused = coded('ECONNREFUSED', { syscall: 'connect' });

  test.each<[string, unknown]>([
    ['a refused connection', fetchFailed(refused)],
    ['all addresses refused', fetchFailed(Object.assign(new AggregateError([refused, refused])))],
    ['an unknown name', fetchFailed(coded('ENOTFOUND', { syscall: 'getaddrinfo' }))],
    ['a connection that took too long', fetchFailed(coded('UND_ERR_CONNECT_TIMEOUT'))],
  ])('%s is', (_, error) => {
    expect(wasNeverSent(error)).toBe(true);
  });

  test.each<[string, unknown]>([
    ['a reset connection', fetchFailed(coded('ECONNRESET', { syscall: 'read' }))],
    ['one of several addresses', new AggregateError([refused, coded('ECONNRESET')])],
    ['a socket that was closed', fetchFailed(coded('UND_ERR_SOCKET'))],
    ['nothing', undefined],
  ])('%s is not', (_, error) => {
    expect(wasNeverSent(error)).toBe(false);
  });
});
