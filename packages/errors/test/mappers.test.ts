/** Errors of the libraries of the field, thrown by the libraries where they are at hand. */
import { Ajv } from 'ajv';
import bodyParser from 'body-parser';
import express, { type RequestHandler } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { storeTimeout, storeUnavailable } from '@org/core';
import { serve } from '@org/core/testing';
import { errors, type ErrorsOptions } from '@org/errors';

type Document = Record<string, unknown> & { readonly headers: Headers };

async function answerTo(
  handlers: RequestHandler[],
  init: RequestInit = {},
  options: Partial<ErrorsOptions> = {},
): Promise<Document> {
  const app = express();
  const { handler } = errors({ expose: false, ...options });
  app.all('/', ...handlers, (_req, res) => void res.send('fine'));
  app.use(handler);
  const { url, close } = await serve(app);
  try {
    const answer = await fetch(url, init);
    const document = (await answer.json()) as Record<string, unknown>;
    expect(document.status).toBe(answer.status);
    return { ...document, headers: answer.headers };
  } finally {
    await close();
  }
}

function answerToError(error: unknown, options?: Partial<ErrorsOptions>): Promise<Document> {
  return answerTo(
    [
      () => {
        throw error;
      },
    ],
    {},
    options,
  );
}

function errorOf(members: object, message: string = 'secret inside'): Error {
  return Object.assign(new Error(message), members);
}

describe('body-parser', () => {
  const post = (body: string | Buffer, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });

  test('a body that is no JSON is 400 and is not sent back', async () => {
    const document = await answerTo([bodyParser.json()], post('{"password":"hunter2",}'));
    expect(document).toMatchObject({ status: 400, code: 'ERR_BODY_INVALID' });
    expect(JSON.stringify(document)).not.toContain('hunter2');
  });

  test('a body that is too large is 413 and names the limit', async () => {
    const document = await answerTo([bodyParser.json({ limit: 10 })], post('"0123456789"'));
    expect(document).toMatchObject({ status: 413, code: 'ERR_BODY_TOO_LARGE', limitBytes: 10 });
  });

  test.each([
    ['encoding', { 'content-encoding': 'sdch' }, 'ERR_BODY_ENCODING'],
    ['charset', { 'content-type': 'application/json; charset=koi8-r' }, 'ERR_BODY_CHARSET'],
  ])('an unknown %s is 415', async (_name, headers, code) => {
    expect(await answerTo([bodyParser.json()], post('{}', headers))).toMatchObject({
      status: 415,
      code,
    });
  });

  test('parameters beyond the limit are 413', async () => {
    const init = post('a=1&b=2&c=3', { 'content-type': 'application/x-www-form-urlencoded' });
    expect(await answerTo([bodyParser.urlencoded({ parameterLimit: 2 })], init)).toMatchObject({
      status: 413,
      code: 'ERR_BODY_TOO_MANY_PARAMETERS',
    });
  });

  test('a body that verify refuses is 403', async () => {
    const verify = (): never => {
      throw new Error('secret');
    };
    const document = await answerTo([bodyParser.json({ verify })], post('{}'));
    expect(document).toMatchObject({ status: 403, code: 'ERR_BODY_REFUSED' });
    expect(JSON.stringify(document)).not.toContain('secret');
  });
});

describe('validation', () => {
  const schema = z.object({
    items: z.array(z.object({ 'a/b~c é': z.number() })),
    name: z.string(),
  });

  test('zod issues become details with JSON pointers (RFC 6901 §6)', async () => {
    const { error } = schema.safeParse({ items: [{ 'a/b~c é': 'hunter2' }] });
    const document = await answerToError(error);
    expect(document).toMatchObject({
      status: 400,
      code: 'ERR_VALIDATION',
      title: 'Validation failed',
      detail: '2 values are not as expected.',
    });
    expect(document.errors).toEqual([
      { detail: expect.any(String), pointer: '#/items/0/a~1b~0c%20%C3%A9' },
      { detail: expect.any(String), pointer: '#/name' },
    ]);
    expect(JSON.stringify(document)).not.toContain('hunter2');
  });

  test('the status can be 422', async () => {
    const { error } = schema.safeParse(1);
    expect(await answerToError(error, { validationStatus: 422 })).toMatchObject({ status: 422 });
  });

  test('ajv errors become the same form, thrown as its error or as its list', async () => {
    const validate = new Ajv({ allErrors: true }).compile({
      type: 'object',
      required: ['name'],
      properties: { age: { type: 'integer' } },
    });
    validate({ age: 'x' });
    const expected = {
      status: 400,
      code: 'ERR_VALIDATION',
      errors: [
        { detail: "must have required property 'name'", pointer: '#/name' },
        { detail: 'must be integer', pointer: '#/age' },
      ],
    };
    expect(await answerToError(new Ajv.ValidationError(validate.errors ?? []))).toMatchObject(
      expected,
    );
    expect(await answerToError(validate.errors)).toMatchObject(expected);
  });

  test('names that no URI can hold are the client’s fault too: half a surrogate pair, and long ones', async () => {
    const body = { '\ud800': 'x', ['é'.repeat(600)]: 'x' };
    const { error } = z.record(z.string(), z.number()).safeParse(body);
    const validate = new Ajv({ allErrors: true }).compile({
      type: 'object',
      additionalProperties: { type: 'number' },
    });
    validate(body);
    for (const thrown of [error, new Ajv.ValidationError(validate.errors ?? [])]) {
      const document = await answerToError(thrown);
      expect(document).toMatchObject({ status: 400, code: 'ERR_VALIDATION' });
      const pointers = (document.errors as { pointer: string }[]).map(({ pointer }) =>
        decodeURIComponent(pointer),
      );
      expect(pointers).toEqual(['#/\ufffd', `#/${'é'.repeat(499)}`]);
    }
  });

  test('a million issues are fifty and a number', async () => {
    const { error } = z.array(z.number()).safeParse(Array.from({ length: 1000 }, () => 'x'));
    const document = await answerToError(error);
    expect(document.errors).toHaveLength(50);
    expect(document.moreErrors).toBe(950);
  });
});

describe('multer', () => {
  function form(...files: [name: string, text: string][]): RequestInit {
    const body = new FormData();
    for (const [name, text] of files) body.append(name, new Blob([text]), `${name}.txt`);
    return { method: 'POST', body };
  }
  const upload = multer({
    limits: { fileSize: 4, fieldNestingDepth: 1 },
  }).single('file');

  test('a file that is too large is 413', async () => {
    expect(await answerTo([upload], form(['file', '12345']))).toMatchObject({
      status: 413,
      code: 'ERR_UPLOAD_LIMIT_FILE_SIZE',
      field: 'file',
    });
  });

  test('an unexpected file is 400', async () => {
    expect(await answerTo([upload], form(['other', '1']))).toMatchObject({
      status: 400,
      code: 'ERR_UPLOAD_LIMIT_UNEXPECTED_FILE',
    });
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    [
      'an end that is missing',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx',
    ],
  ])('a form with %s is 400', async (_name, type, body) => {
    const document = await answerTo([upload], {
      method: 'POST',
      body,
      headers: { 'content-type': type },
    });
    expect(document).toMatchObject({ status: 400, code: 'ERR_UPLOAD_MALFORMED' });
  });
});

describe('tokens', () => {
  test.each([
    [{ name: 'TokenExpiredError' }, 'ERR_TOKEN_EXPIRED'],
    [{ name: 'NotBeforeError' }, 'ERR_TOKEN_NOT_YET_VALID'],
    [{ name: 'JsonWebTokenError' }, 'ERR_TOKEN_INVALID'],
    [{ code: 'ERR_JWT_EXPIRED', name: 'JWTExpired' }, 'ERR_TOKEN_EXPIRED'],
    [{ code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'nbf' }, 'ERR_TOKEN_NOT_YET_VALID'],
    [{ code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud' }, 'ERR_TOKEN_INVALID'],
    [{ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }, 'ERR_TOKEN_INVALID'],
  ])('%j is 401 with a challenge (RFC 9110 §15.5.2, RFC 6750 §3.1)', async (members, code) => {
    const document = await answerToError(errorOf(members));
    expect(document).toMatchObject({ status: 401, code });
    expect(document.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/);
    expect(JSON.stringify(document)).not.toContain('secret');
  });

  test('a key set that does not come is ours to answer for', async () => {
    expect(await answerToError(errorOf({ code: 'ERR_JWKS_TIMEOUT' }))).toMatchObject({
      status: 503,
    });
  });
});

describe('SQLSTATE', () => {
  test.each([
    ['23505', 409],
    ['23503', 409],
    ['23P01', 409],
    ['23502', 422],
    ['23514', 422],
    ['22P02', 400],
    ['22001', 400],
    ['40001', 503],
    ['40P01', 503],
    ['53300', 503],
    ['57014', 504],
    ['57P01', 503],
    ['08006', 503],
    ['25006', 503],
    ['42P01', 500],
  ])('%s is %i and tells nothing of the database', async (code, status) => {
    const error = errorOf({
      code,
      severity: 'ERROR',
      table: 'secret',
      constraint: 'secret_key',
      detail: 'secret',
    });
    const document = await answerToError(error);
    expect(document.status).toBe(status);
    expect(JSON.stringify(document)).not.toContain('secret');
    expect(await answerToError(new Error('query failed', { cause: error }))).toMatchObject({
      status,
    });
  });

  test('five characters without a severity are no SQLSTATE', async () => {
    expect(await answerToError(errorOf({ code: '23505' }))).toMatchObject({ status: 500 });
  });
});

describe('outages, timeouts and other servers', () => {
  test.each<[string, unknown, number, string]>([
    ['a store that is away', storeUnavailable('get'), 503, 'ERR_STORE_UNAVAILABLE'],
    ['a store that hangs', storeTimeout('get', 100), 503, 'ERR_STORE_TIMEOUT'],
    ['a store error of another make', errorOf({ code: 'ERR_STORE_FULL' }), 503, 'ERR_STORE_FULL'],
    ['an open opossum', errorOf({ code: 'EOPENBREAKER' }), 503, 'ERR_DEPENDENCY_UNAVAILABLE'],
    ['a full opossum', errorOf({ code: 'ESEMLOCKED' }), 503, 'ERR_DEPENDENCY_UNAVAILABLE'],
    ['a connection that broke', errorOf({ code: 'ECONNRESET' }), 503, 'ERR_DEPENDENCY_UNAVAILABLE'],
    ['a connection that is shut', errorOf({ code: 'EPIPE' }), 503, 'ERR_DEPENDENCY_UNAVAILABLE'],
    ['a refused connection', errorOf({ code: 'ECONNREFUSED' }), 503, 'ERR_DEPENDENCY_UNAVAILABLE'],
    [
      'a fetch that failed',
      new TypeError('fetch failed', { cause: errorOf({ code: 'ENOTFOUND' }) }),
      503,
      'ERR_DEPENDENCY_UNAVAILABLE',
    ],
    ['a signal that timed out', new DOMException('x', 'TimeoutError'), 504, 'ERR_TIMEOUT'],
    [
      'a fetch that timed out',
      new TypeError('fetch failed', { cause: errorOf({ code: 'UND_ERR_HEADERS_TIMEOUT' }) }),
      504,
      'ERR_TIMEOUT',
    ],
    [
      'connect-timeout',
      errorOf({ code: 'ETIMEDOUT', status: 503 }),
      503,
      'ERR_SERVICE_UNAVAILABLE',
    ],
    [
      'a 401 of another server',
      errorOf({ isAxiosError: true, status: 401, response: { status: 401 } }),
      502,
      'ERR_UPSTREAM',
    ],
    ['an abort of our own', new DOMException('x', 'AbortError'), 500, 'ERR_INTERNAL'],
  ])('%s', async (_name, error, status, code) => {
    const document = await answerToError(error);
    expect(document).toMatchObject({ status, code });
    expect(document).not.toHaveProperty('detail');
  });

  test('the headers of http-errors are kept', async () => {
    const document = await answerToError(
      errorOf({ status: 429, headers: { 'Retry-After': 7, bad: {} } }),
    );
    expect(document.headers.get('retry-after')).toBe('7');
    expect(document.code).toBe('ERR_TOO_MANY_REQUESTS');
  });
});
