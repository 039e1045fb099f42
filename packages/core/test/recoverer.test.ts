import { defineMiddleware, isRecoverer } from '@org/core';

const place = { name: 'x', phase: 'recover', step: () => undefined } as const;
const handler = (_error: unknown, _req: unknown, _res: unknown, next: () => void) => next();

test('a recoverer is a middleware of the phase recover with an error handler', () => {
  const plain = defineMiddleware(place);
  expect(isRecoverer(plain)).toBe(false);
  expect(isRecoverer(Object.assign(defineMiddleware(place), { handler }))).toBe(true);
  expect(
    isRecoverer(Object.assign(defineMiddleware({ ...place, phase: 'read' }), { handler })),
  ).toBe(false);
  expect(isRecoverer(Object.assign(plain, { handler, notFound: 'no function' }))).toBe(false);
  expect(isRecoverer({ handler })).toBe(false);
});
