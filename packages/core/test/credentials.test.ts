/** Who a request may be from, and the part of the key that keeps answers apart. */
import { CREDENTIAL_DEFAULTS, Credentials, type Exchange, type Partition } from '@org/core';
import type { Request } from 'express';

interface Socket {
  readonly authorized?: boolean;
  readonly getPeerCertificate?: () => { readonly fingerprint256?: string };
}

const requestWith = (headers: Request['headers'], socket: Socket = {}): Request =>
  ({ headers, socket }) as unknown as Request;

const exchangeWith = (
  headers: Request['headers'],
  { socket = {}, principal }: { socket?: Socket; principal?: string } = {},
): Exchange =>
  ({ req: requestWith(headers, socket), peekPrincipal: () => principal }) as unknown as Exchange;

const credentials = (given: Partial<typeof CREDENTIAL_DEFAULTS> = {}): Credentials =>
  new Credentials({ ...CREDENTIAL_DEFAULTS, ...given });

describe('a request carries credentials', () => {
  test.each([
    'authorization',
    'proxy-authorization',
    'cookie',
    'x-api-key',
    'api-key',
    'x-auth-token',
    'x-access-token',
  ])('in %s, even empty', (name) => {
    expect(credentials().carriedBy(requestWith({ [name]: 'x' }))).toBe(true);
    expect(credentials().carriedBy(requestWith({ [name]: '' }))).toBe(true);
  });

  test('in fields that are named, whatever their case, instead of the usual ones', () => {
    const own = credentials({ credentialHeaders: ['X-Session'] });
    expect(own.carriedBy(requestWith({ 'x-session': '1' }))).toBe(true);
    expect(own.carriedBy(requestWith({ 'x-api-key': '1' }))).toBe(false);
    expect(own.carriedBy(requestWith({ authorization: '1' }))).toBe(true);
  });

  test('in no other field', () => {
    expect(credentials().carriedBy(requestWith({ accept: '*/*', host: 'a' }))).toBe(false);
  });

  test('in a certificate that the server has accepted', () => {
    expect(credentials().carriedBy(requestWith({}, { authorized: true }))).toBe(true);
    expect(credentials().carriedBy(requestWith({}, { authorized: false }))).toBe(false);
  });
});

describe('harmless cookies', () => {
  const some = credentials({ harmlessCookies: ['theme', '_ga*'] });
  test.each<[string, boolean]>([
    ['theme=dark', false],
    ['theme', false],
    ['_ga=1; _ga_X1=2;theme=dark; ', false],
    ['theme=a=b', false],
    ['theme=dark; session=1', true],
    ['session=1; theme=dark', true],
    ['Theme=dark', true],
    ['theme2=1', true],
    ['x_ga=1', true],
    ['=session', true],
    ['theme="a;session=1"', true],
    ['theme=dark, session=1; session=2', true],
  ])('with "%s" there is somebody: %s', (cookie, carried) => {
    expect(some.carriedBy(requestWith({ cookie }))).toBe(carried);
  });

  test('excuse no other credentials', () => {
    expect(some.carriedBy(requestWith({ cookie: 'theme=1', authorization: 'x' }))).toBe(true);
  });

  test('are none unless they are named', () => {
    expect(credentials().carriedBy(requestWith({ cookie: '' }))).toBe(true);
    const every = credentials({ harmlessCookies: ['*'] });
    expect(every.carriedBy(requestWith({ cookie: 'a=1; =b; c' }))).toBe(false);
  });
});

describe('the part of the key', () => {
  const part = (
    partition: Partition,
    headers: Request['headers'],
    more?: { socket?: Socket; principal?: string },
  ): string | undefined => credentials().partOf(exchangeWith(headers, more), partition);

  test('is none where answers are not kept apart, or nobody is known', () => {
    expect(part('none', { authorization: 'x' }, { principal: 'p' })).toBeUndefined();
    expect(part('credentials', {})).toBeUndefined();
    expect(part('principal', { authorization: 'x' })).toBeUndefined();
    expect(part(() => undefined, { authorization: 'x' })).toBeUndefined();
  });

  test('is the same for the same, and another for others', () => {
    const parts = [
      part('credentials', { authorization: 'a' }),
      part('credentials', { authorization: 'b' }),
      part('credentials', { authorization: '' }),
      part('credentials', { cookie: 'a' }),
      part('credentials', { 'x-api-key': 'a' }),
      part('credentials', { 'api-key': 'a' }),
      part('credentials', { authorization: 'a', cookie: 'a' }),
      part('principal', {}, { principal: 'a' }),
      part('principal', {}, { principal: '' }),
      part(() => 'b', {}),
    ];
    expect(new Set(parts).size).toBe(parts.length);
    expect(part('credentials', { authorization: 'a', accept: 'x' })).toBe(parts[0]);
  });

  test('is hashed: nothing that was carried can be read in it', () => {
    const secret = 'Bearer 0123456789';
    for (const hashed of [
      part('credentials', { authorization: secret }),
      part('principal', {}, { principal: secret }),
      part(() => secret, {}),
    ]) {
      expect(hashed).toMatch(/^[\w-]{43}$/);
    }
  });

  test('is of one certificate; one that is not shown is shared with nobody', () => {
    const shown = (fingerprint256?: string): Socket => ({
      authorized: true,
      getPeerCertificate: () => (fingerprint256 === undefined ? {} : { fingerprint256 }),
    });
    const parts = ['A', 'B', undefined, undefined].map((print) =>
      part('credentials', {}, { socket: shown(print) }),
    );
    expect(new Set(parts).size).toBe(4);
    expect(part('credentials', {}, { socket: shown('A') })).toBe(parts[0]);
  });
});
