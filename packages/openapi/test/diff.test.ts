import { diff, type DocumentChange } from '@org/openapi';
import * as fc from 'fast-check';

/** A document of one operation. */
function doc(operation: object, more: object = {}, path = '/x'): object {
  return { openapi: '3.1.1', paths: { [path]: { get: operation } }, ...more };
}

const input = (schema: object | boolean): object =>
  doc({ requestBody: { content: { 'application/json': { schema } } } });
const output = (schema: object | boolean): object =>
  doc({ responses: { 200: { description: '', content: { 'application/json': { schema } } } } });
const query = (...parameters: object[]): object =>
  doc({ parameters: parameters.map((one) => ({ in: 'query', name: 'q', ...one })) });
const secured = (security: object[] | undefined, whole?: object[]): object =>
  doc({ ...(security && { security }) }, { ...(whole && { security: whole }) });
const scheme = (one: object): object => doc({}, { components: { securitySchemes: { key: one } } });

const brief = ({ severity, kind }: DocumentChange): string => `${severity} ${kind}`;
const kinds = (before: object, after: object): string[] =>
  diff(before, after).map(brief).toSorted();

const object = (properties: object, required: string[] = [], more: object = {}): object => ({
  type: 'object',
  properties,
  required,
  ...more,
});
const text = { type: 'string' };
const both = (before: object, after: object, there: string[], back: string[]) =>
  ({ before, after, there, back }) as const;

describe('between operations', () => {
  it.each([
    [
      'an operation',
      both({ paths: {} }, doc({}), ['safe operation-added'], ['breaking operation-removed']),
    ],
    [
      'an id',
      both(
        doc({ operationId: 'a' }),
        doc({ operationId: 'b' }),
        ['risky operation-id-changed'],
        ['risky operation-id-changed'],
      ),
    ],
    ['deprecation', both(doc({}), doc({ deprecated: true }), ['safe operation-deprecated'], [])],
    [
      'the name of a parameter in the path',
      both(
        doc(
          { parameters: [{ in: 'path', name: 'a', required: true, schema: text }] },
          {},
          '/x/{a}',
        ),
        doc(
          { parameters: [{ in: 'path', name: 'b', required: true, schema: text }] },
          {},
          '/x/{b}',
        ),
        [],
        [],
      ),
    ],
    [
      'an optional parameter',
      both(query(), query({ schema: text }), ['safe parameter-added'], ['risky parameter-removed']),
    ],
    [
      'a required parameter',
      both(
        query(),
        query({ schema: text, required: true }),
        ['breaking required-parameter-added'],
        ['risky parameter-removed'],
      ),
    ],
    [
      'the type of a parameter that is JSON',
      both(
        query({ content: { 'application/json': { schema: { type: 'number' } } } }),
        query({ content: { 'application/json': { schema: { type: 'integer' } } } }),
        ['breaking type-narrowed'],
        ['safe type-widened'],
      ),
    ],
    [
      'the case of a header of an answer',
      both(
        doc({ responses: { 200: { headers: { ETag: { schema: text } } } } }),
        doc({ responses: { 200: { headers: { etag: { schema: text } } } } }),
        [],
        [],
      ),
    ],
    [
      'whether a parameter is required',
      both(
        query({}),
        query({ required: true }),
        ['breaking parameter-required'],
        ['safe parameter-optional'],
      ),
    ],
    [
      'the case of a header',
      both(query({ in: 'header', name: 'X-A' }), query({ in: 'header', name: 'x-a' }), [], []),
    ],
    [
      'the type of a parameter',
      both(
        query({ schema: { type: 'number' } }),
        query({ schema: { type: 'integer' } }),
        ['breaking type-narrowed'],
        ['safe type-widened'],
      ),
    ],
    [
      'a body',
      both(
        doc({}),
        doc({ requestBody: { required: true } }),
        ['breaking body-added'],
        ['risky body-removed'],
      ),
    ],
    [
      'an optional body',
      both(doc({}), doc({ requestBody: {} }), ['safe body-added'], ['risky body-removed']),
    ],
    [
      'whether a body is required',
      both(
        doc({ requestBody: {} }),
        doc({ requestBody: { required: true } }),
        ['breaking body-required'],
        [],
      ),
    ],
    [
      'a media type',
      both(
        doc({ requestBody: { content: { 'text/csv': {} } } }),
        doc({ requestBody: { content: { 'text/csv': {}, 'application/json': {} } } }),
        ['safe media-type-added'],
        ['breaking media-type-removed'],
      ),
    ],
    [
      'an answer of success',
      both(
        doc({ responses: {} }),
        doc({ responses: { 201: {} } }),
        ['risky response-added'],
        ['breaking response-removed'],
      ),
    ],
    [
      'an answer of failure',
      both(
        doc({ responses: {} }),
        doc({ responses: { 409: {} } }),
        ['safe response-added'],
        ['risky response-removed'],
      ),
    ],
    [
      'a header of an answer',
      both(
        doc({ responses: { 200: { headers: { Link: { schema: text } } } } }),
        doc({ responses: { 200: {} } }),
        ['breaking response-header-removed'],
        [],
      ),
    ],
    [
      'security',
      both(
        secured(undefined),
        secured([{ key: [] }]),
        ['breaking security-tightened'],
        ['safe security-loosened'],
      ),
    ],
    [
      'security of the whole',
      both(
        secured(undefined, [{ key: [] }]),
        secured([], [{ key: [] }]),
        ['safe security-loosened'],
        ['breaking security-tightened'],
      ),
    ],
    [
      'another way in',
      both(
        secured([{ key: [] }]),
        secured([{ key: [] }, { oauth: [] }]),
        ['safe security-loosened'],
        ['breaking security-tightened'],
      ),
    ],
    [
      'a scope',
      both(
        secured([{ oauth: ['read'] }]),
        secured([{ oauth: ['read', 'write'] }]),
        ['breaking security-tightened'],
        ['safe security-loosened'],
      ),
    ],
    [
      'a scheme',
      both(
        scheme({ type: 'apiKey', name: 'a' }),
        scheme({ type: 'apiKey', name: 'b' }),
        ['breaking security-scheme-changed'],
        ['breaking security-scheme-changed'],
      ),
    ],
    [
      'the words of a scheme',
      both(scheme({ type: 'http' }), scheme({ type: 'http', description: 'x' }), [], []),
    ],
  ])('%s', (_what, { before, after, there, back }) => {
    expect(kinds(before, after)).toEqual(there);
    expect(kinds(after, before)).toEqual(back);
    expect(kinds(before, before)).toEqual([]);
  });
});

describe('between schemas, from the tighter to the looser', () => {
  // [what, tight, loose, kind]: for what is sent the way to the looser is safe, for what is got it is not.
  it.each<[string, object | boolean, object | boolean, string, 'breaking' | 'risky']>([
    ['types', { type: 'string' }, { type: ['string', 'null'] }, 'type', 'breaking'],
    ['whole numbers', { type: 'integer' }, { type: 'number' }, 'type', 'breaking'],
    ['any type', { type: 'string' }, {}, 'type', 'breaking'],
    ['values', { enum: ['a'] }, { enum: ['a', 'b'] }, 'enum', 'risky'],
    ['a constant', { const: 'a' }, { enum: ['a', 'b'] }, 'enum', 'risky'],
    ['any value', { type: 'string', enum: ['a'] }, { type: 'string' }, 'enum', 'risky'],
    ['a minimum', { minimum: 2 }, { minimum: 1 }, 'bound', 'risky'],
    ['a maximum', { maximum: 1 }, {}, 'bound', 'risky'],
    ['a minimum that is no part', { exclusiveMinimum: 1 }, { minimum: 1 }, 'bound', 'risky'],
    ['a minimum by another word', { minimum: 5 }, { exclusiveMinimum: 0 }, 'bound', 'risky'],
    ['the tighter of two', { minimum: 2, exclusiveMinimum: 0 }, { minimum: 1 }, 'bound', 'risky'],
    [
      'a maximum of whole numbers',
      { type: 'integer', exclusiveMaximum: 1 },
      { type: 'integer', maximum: 1 },
      'bound',
      'risky',
    ],
    [
      'a length',
      { type: 'string', maxLength: 5 },
      { type: 'string', maxLength: 9 },
      'bound',
      'risky',
    ],
    ['a pattern', { pattern: 'a' }, {}, 'form', 'risky'],
    ['uniqueness', { uniqueItems: true }, { uniqueItems: false }, 'form', 'risky'],
    [
      'alternatives',
      { anyOf: [text] },
      { anyOf: [text, { type: 'null' }] },
      'alternative',
      'breaking',
    ],
    [
      'alternatives of what had none',
      text,
      { anyOf: [text, { type: 'null' }] },
      'alternative',
      'breaking',
    ],
    [
      'other members',
      object({}, [], { additionalProperties: false }),
      object({}),
      'members',
      'risky',
    ],
    [
      'alternatives of one kind',
      { anyOf: [{ type: 'string', maxLength: 3 }, { type: 'number' }, { type: 'null' }] },
      {
        anyOf: [
          { type: 'null' },
          { type: 'number', description: 'N' },
          { type: 'string', maxLength: 5 },
        ],
      },
      'bound',
      'risky',
    ],
    [
      'alternatives that say what they are',
      {
        oneOf: [
          object({ is: { const: 'a' }, x: { maxLength: 3 } }),
          object({ is: { const: 'b' } }),
        ],
      },
      {
        oneOf: [
          object({ is: { const: 'b', description: 'Words.' } }),
          object({ is: { const: 'a' }, x: {} }),
        ],
      },
      'bound',
      'risky',
    ],
    [
      'a described schema that was the only one',
      { ...text, description: 'Words.' },
      { anyOf: [text, { type: 'null' }] },
      'alternative',
      'breaking',
    ],
    ['items', { items: { type: 'integer' } }, { items: { type: 'number' } }, 'type', 'breaking'],
    ['nothing', false, true, 'schema', 'breaking'],
  ])('%s', (_what, tight, loose, kind, gravity) => {
    expect(kinds(input(tight), input(loose))).toEqual([`safe ${kind}-widened`]);
    expect(kinds(input(loose), input(tight))).toEqual([`breaking ${kind}-narrowed`]);
    expect(kinds(output(tight), output(loose))).toEqual([`${gravity} ${kind}-widened`]);
    expect(kinds(output(loose), output(tight))).toEqual([`safe ${kind}-narrowed`]);
  });
});

describe('between properties', () => {
  const a = object({ a: text });
  const ab = object({ a: text, b: text });
  const needsB = object({ a: text, b: text }, ['b']);
  const needsA = object({ a: text }, ['a']);
  const strictA = object({ a: text }, [], { additionalProperties: false });
  const strictAb = object({ a: text, b: text }, [], { additionalProperties: false });

  it.each<[string, object, object, string[], string[]]>([
    ['one more', a, ab, ['safe property-added'], ['safe property-added']],
    [
      'one more that must be sent',
      a,
      needsB,
      ['breaking required-property-added'],
      ['safe property-added'],
    ],
    ['one less', ab, a, ['risky property-removed'], ['breaking property-removed']],
    [
      'one less of which no other is taken',
      strictAb,
      strictA,
      ['breaking property-removed'],
      ['breaking property-removed'],
    ],
    [
      'one that is required now',
      ab,
      needsB,
      ['breaking property-required'],
      ['safe property-required'],
    ],
    [
      'one that may be absent now',
      needsB,
      ab,
      ['safe property-optional'],
      ['breaking property-optional'],
    ],
    [
      'a default',
      object({ a: { default: 1 } }),
      object({ a: { default: 2 } }),
      ['risky default-changed'],
      [],
    ],
    ['parts that are put together', { allOf: [a, needsB] }, needsB, [], []],
    ['a minimum that every text has', text, { ...text, minLength: 0 }, [], []],
    [
      'a minimum of whole numbers by another word',
      { type: 'integer', exclusiveMinimum: 0 },
      { type: 'integer', minimum: 1 },
      [],
      [],
    ],
    ['others that are taken in so many words', a, { ...a, additionalProperties: {} }, [], []],
    [
      'a key of a record',
      object({}, ['a'], { additionalProperties: text }),
      object({}, ['a', 'b'], { additionalProperties: text }),
      ['breaking property-required'],
      ['safe property-required'],
    ],
    [
      'a description of what was required',
      object({}, ['a']),
      needsA,
      ['safe property-added'],
      ['safe property-added'],
    ],
    [
      'a pattern that cannot be compared',
      { pattern: 'a' },
      { pattern: 'b' },
      ['risky form-changed'],
      ['risky form-changed'],
    ],
    [
      'what cannot be compared',
      { not: text },
      { not: a },
      ['risky schema-changed'],
      ['risky schema-changed'],
    ],
  ])('%s', (_what, before, after, sent, got) => {
    expect(kinds(input(before), input(after))).toEqual(sent);
    expect(kinds(output(before), output(after))).toEqual(got);
  });
});

describe('a change', () => {
  const tree = (leaf: object): object => ({
    ...output({ $ref: '#/components/schemas/Tree' }),
    components: {
      schemas: {
        Tree: object({
          leaf,
          children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } },
        }),
      },
    },
  });

  it('of a shared schema is told once, where it is, through cycles', () => {
    expect(diff(tree({ type: 'string' }), tree({ type: 'number' }))).toEqual([
      {
        severity: 'breaking',
        kind: 'type-widened',
        operation: 'GET /x',
        pointer: '/components/schemas/Tree/properties/leaf/type',
        message: 'the type was string and is number',
      },
      expect.objectContaining({ severity: 'safe', kind: 'type-narrowed' }) as object,
    ]);
  });

  it('is found through parts that are circles', () => {
    const circle = (leaf: object): object => ({
      ...output({ $ref: '#/components/schemas/A' }),
      components: {
        schemas: {
          A: {
            allOf: [
              { $ref: '#/components/schemas/A' },
              { $ref: '#/components/schemas/A' },
              object({ leaf }),
            ],
          },
        },
      },
    });
    expect(kinds(circle(text), circle({ type: ['string', 'null'] }))).toEqual([
      'breaking type-widened',
    ]);
  });

  it.each([
    ['a part', { allOf: [{ $ref: '#/components/schemas/A' }] }],
    ['a pointer with more beside it', { $ref: '#/components/schemas/A', minProperties: 1 }],
    ['the only alternative', { anyOf: [{ $ref: '#/components/schemas/A' }] }],
  ])('ends where a schema is in itself as %s', (_what, child) => {
    const circle = (leaf: object): object => ({
      ...output({ $ref: '#/components/schemas/A' }),
      components: { schemas: { A: object({ leaf, child }), B: child } },
    });
    expect(diff(circle(text), circle(text))).toEqual([]);
    expect(kinds(circle(text), circle({}))).toContain('breaking type-widened');
    const self = { ...output(text), components: { schemas: { A: child } } };
    const endless = { ...output({ $ref: '#/components/schemas/A' }), components: self.components };
    expect(() => diff(self, endless)).not.toThrow();
    expect(() => diff(endless, self)).not.toThrow();
  });

  it('is told at each place where what is there has no name', () => {
    const two = (one: boolean): object => input(object({ a: one, b: one }));
    expect(kinds(two(true), two(false))).toEqual([
      'breaking schema-narrowed',
      'breaking schema-narrowed',
    ]);
  });

  it('is found beside a pointer, and in the alternatives of a part', () => {
    const components = { schemas: { Text: text } };
    const there = (beside: object): object => ({
      ...input({ $ref: '#/components/schemas/Text', ...beside }),
      components,
    });
    expect(kinds(there({ description: 'a' }), there({ description: 'b' }))).toEqual([]);
    expect(kinds(there({}), there({ maxLength: 5 }))).toEqual(['breaking bound-narrowed']);
    const part = (...anyOf: object[]): object => input({ allOf: [{ anyOf }, { description: '' }] });
    expect(kinds(part(text, { type: 'null' }), part(text))).toEqual([
      'breaking alternative-narrowed',
    ]);
  });

  it('is not that a schema has moved to the components', () => {
    const moved = {
      ...output({ $ref: '#/components/schemas/A~1B' }),
      components: { schemas: { 'A/B': object({ a: text }) } },
    };
    expect(diff(output(object({ a: text })), moved)).toEqual([]);
    expect(kinds(output(object({ b: text })), moved)).toContain('breaking property-removed');
  });

  it('is not looked for in what is no document, and the error says where', () => {
    expect(() => diff(secured([]), secured(1 as never))).toThrow(
      'One of the documents is not as OpenAPI 3.1 says at GET /x; check them first.',
    );
  });

  it('is told the gravest first', () => {
    const before = { paths: { '/a': { get: {} } } };
    const after = { paths: { '/b': { get: {} } } };
    expect(diff(before, after).map(({ severity }) => severity)).toEqual(['breaking', 'safe']);
  });
});

describe('properties of diff', () => {
  const schema = fc.letrec((tie) => ({
    schema: fc.oneof(
      { depthSize: 'small' },
      fc.record({ type: fc.constantFrom('string', 'integer', 'number', 'boolean') }),
      fc.record({ enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 }) }),
      fc.record({ type: fc.constant('array'), items: tie('schema') }),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('schema')).chain((properties) =>
        fc.record({
          type: fc.constant('object'),
          properties: fc.constant(properties),
          required: fc.subarray(Object.keys(properties)),
        }),
      ),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }) }),
    ),
  })).schema as fc.Arbitrary<object>;

  it('nothing changes from a schema to itself', () => {
    fc.assert(
      fc.property(schema, (one) => {
        expect(diff(input(one), input(structuredClone(one)))).toEqual([]);
      }),
    );
  });

  it('what is different is told, whichever way it is used', () => {
    fc.assert(
      fc.property(schema, schema, (one, other) => {
        const there = diff(output(one), output(other));
        const back = diff(output(other), output(one));
        expect(there.length > 0).toBe(back.length > 0);
      }),
    );
  });
});
