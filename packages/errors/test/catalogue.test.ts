import * as fc from 'fast-check';
import { ProblemError } from '@org/core';
import { defineProblems, problemsJson, problemsMarkdown } from '@org/errors';

const problems = defineProblems(
  {
    outOfStock: {
      status: 409,
      title: 'Out of stock',
      description: 'Order fewer.',
      members: { available: 'How many are left | right now' },
    },
    notYours: { status: 403, title: 'Not yours', code: 'ERR_OWNER' },
    maintenance: { status: 503, title: 'Maintenance', expose: true },
  },
  { base: 'https://example.com/problems/' },
);

test('a kind makes errors of its type, status, title and code', () => {
  const error = problems.outOfStock(
    'Two are left.',
    { available: 2 },
    { headers: { 'Retry-After': '60' } },
  );
  expect(error).toBeInstanceOf(ProblemError);
  expect(error).toMatchObject({
    type: 'https://example.com/problems/out-of-stock',
    code: 'ERR_OUT_OF_STOCK',
    status: 409,
    title: 'Out of stock',
    message: 'Two are left.',
    extensions: { available: 2 },
    headers: { 'Retry-After': '60' },
    expose: true,
  });
  expect(error.stack!.split('\n')[1]).toContain('catalogue.test');
});

test('its types know the members', () => {
  // @ts-expect-error a member is missing
  problems.outOfStock('x');
  // @ts-expect-error there is no such member
  problems.outOfStock('x', { availible: 2 });
  // @ts-expect-error this kind has no members
  problems.notYours('x', { a: 1 });
  expect(problems.notYours('x').extensions).toEqual({});
});

test('a kind knows its own errors by code', () => {
  expect(problems.notYours.is(problems.notYours('x'))).toBe(true);
  expect(problems.notYours.is({ code: 'ERR_OWNER' })).toBe(true);
  expect(problems.notYours.is(problems.maintenance('x'))).toBe(false);
  expect(problems.notYours.is(undefined)).toBe(false);
});

test('documents itself as data, by status', () => {
  expect(problemsJson(problems).map(({ code }) => code)).toEqual([
    'ERR_OWNER',
    'ERR_OUT_OF_STOCK',
    'ERR_MAINTENANCE',
  ]);
  expect(JSON.parse(JSON.stringify(problemsJson(problems)))).toEqual(problemsJson(problems));
});

test('documents itself as Markdown', () => {
  const text = problemsMarkdown(problems);
  expect(text).toContain(
    '## Out of stock\n\n- Status: 409 Conflict\n- Type: `https://example.com/problems/out-of-stock`\n- Code: `ERR_OUT_OF_STOCK`\n\nOrder fewer.\n',
  );
  expect(text).toContain('| `available` | How many are left \\| right now |');
});

test('refuses what could not be told apart or sent, all at once', () => {
  expect(() =>
    defineProblems({
      a: { status: 200, title: 'A' },
      b: { status: 400, title: '', code: 'ERR_A' },
      c: { status: 400, title: 'C', members: { detail: 'no' } },
      d: { status: 400, title: 'D', type: 'not a uri' },
    }),
  ).toThrow(
    /"a" has the status 200.*"b" has no title.*member "detail".*"not a uri".*same code ERR_A/s,
  );
});

test('every key in camel case gets a code and a type of its own form', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z]{1,8}([A-Z][a-z]{1,8}){0,3}$/), (key) => {
      const made = defineProblems({ [key]: { status: 400, title: 'x' } }, { base: 'https://x/' });
      const { code, type } = made[key]!.definition;
      expect(code).toMatch(/^ERR_[A-Z]+(_[A-Z]+)*$/);
      expect(type.slice('https://x/'.length).replaceAll('-', '_').toUpperCase()).toBe(
        code.slice(4),
      );
    }),
  );
});
