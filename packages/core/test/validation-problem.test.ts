import {
  nameOfToken,
  pointerFragment,
  pointerToken,
  problemDocument,
  requestProblem,
  type SchemaIssue,
  schemaIssue,
  validationIssue,
  validationProblem,
} from '@org/core';

describe('a JSON Pointer', () => {
  // RFC 6901 §5 and §6: the same places, as text and as fragments of an address.
  test.each([
    ['foo', '/foo', '#/foo'],
    ['', '/', '#/'],
    ['a/b', '/a~1b', '#/a~1b'],
    ['c%d', '/c%d', '#/c%25d'],
    ['e^f', '/e^f', '#/e%5Ef'],
    ['k"l', '/k"l', '#/k%22l'],
    [' ', '/ ', '#/%20'],
    ['m~n', '/m~0n', '#/m~0n'],
    ['~1', '/~01', '#/~01'],
    ['#', '/#', '#/%23'],
    ['\ud800', '/\ud800', '#/%EF%BF%BD'],
  ])('to %j', (name, pointer, fragment) => {
    const token = pointerToken(name);
    expect(`/${token}`).toBe(pointer);
    expect(nameOfToken(token)).toBe(name);
    expect(pointerFragment(pointer)).toBe(fragment);
  });
});

describe('what is wrong with a value', () => {
  test('is told with the words of the schema, and where it is', () => {
    const issue: SchemaIssue = { message: 'too cheap', path: ['items', { key: 0 }, 'price'] };
    expect(schemaIssue(issue)).toEqual({ detail: 'too cheap', pointer: '#/items/0/price' });
    expect(schemaIssue({ message: 'no object' })).toEqual({ detail: 'no object', pointer: '#' });
    expect(validationIssue(undefined, ['a'])).toEqual({ detail: 'is not valid', pointer: '#/a' });
  });

  test('is as long as it helps: details, names and pointers are cut', () => {
    const long = 'x'.repeat(10_000);
    const { detail, pointer } = validationIssue(long, [long, long]);
    expect([detail.length, pointer.length]).toEqual([500, 501]);
  });

  test('is told fifty times, and only those are made; the rest is counted', () => {
    const tell = jest.fn((at: number) => validationIssue('wrong', [at]));
    const numbers = Array.from({ length: 53 }, (_, at) => at);
    const cause = new Error('by a validator');
    const problem = validationProblem(numbers, tell, 422, cause);
    expect(tell).toHaveBeenCalledTimes(50);
    expect(problem.cause).toBe(cause);
    expect(problemDocument(problem)).toMatchObject({
      code: 'ERR_VALIDATION',
      status: 422,
      detail: '53 values are not as expected.',
      moreErrors: 3,
    });
    const one = validationProblem([1], tell, 400);
    expect(one.message).toBe('One value is not as expected.');
    expect(one.extensions).not.toHaveProperty('moreErrors');
  });

  test('is told with the part of a request, and the parameter, where it is not the body', () => {
    const issues = [{ message: 'no number', path: ['limit', 0] }];
    const problem = requestProblem(
      [
        { part: 'query', issues },
        { part: 'headers', issues: [{ message: 'too many' }] },
        { part: 'body', issues },
      ],
      422,
    );
    expect(problem.status).toBe(400);
    expect(problem.extensions['errors']).toEqual([
      { detail: 'no number', pointer: '#/limit/0', in: 'query', parameter: 'limit' },
      { detail: 'too many', pointer: '#', in: 'header' },
      { detail: 'no number', pointer: '#/limit/0' },
    ]);
    expect(requestProblem([{ part: 'body', issues }], 422).status).toBe(422);
  });
});
