/** What becomes of values, whatever they are: compared with what JSON makes of them. */
import { type Exchange, ProblemError, type ValueKind } from '@org/core';
import * as fc from 'fast-check';

import { CompiledShape } from '../src/compiled.ts';
import { chosenOf, parseFields } from '../src/fields.ts';
import { renameFor } from '../src/name-case.ts';
import type { Shape } from '../src/shape.ts';

const EXCHANGE = { res: { statusCode: 200 } } as unknown as Exchange;

function shaped(
  shape: Shape,
  value: unknown,
  chosen?: string,
  kind: ValueKind = 'whole',
  bounds = { maxDepth: 64, maxNodes: 1_000_000 },
): unknown {
  const choice = chosen === undefined ? undefined : parseFields('fields', chosen, []);
  return new CompiledShape(shape, bounds).apply(value, EXCHANGE, kind, choice);
}

/** The value as a client would read it. */
function plain(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

function refusalOf(given: unknown): ProblemError | undefined {
  try {
    parseFields('fields', given, []);
    return undefined;
  } catch (error) {
    return error as ProblemError;
  }
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}

// No two of them become one.
const NAMES = ['id', 'fullName', 'HTTPStatus', 'a_b', 'c-d', '_links', '__proto__', 'ω', '0', ''];
const name = fc.constantFrom(...NAMES);

/** Everything that may be given to `res.json`. */
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.double(),
      fc.boolean(),
      fc.constantFrom(null, undefined, Symbol('s'), () => 1),
      fc.date({ noInvalidDate: false }),
      fc.constantFrom(new Map([[1, 2]]), new Set([1]), /a/u, new Number(5), new String('fullName')),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 5 })
      .map((members) => Object.fromEntries(members)),
    tie('value').map((value) => new Written(value)),
  ),
})).value;

/** Writes itself, and changes nothing in doing so. */
class Written {
  readonly #value: unknown;
  readonly notThis: string = 'not this';

  constructor(value: unknown) {
    this.#value = value;
  }

  toJSON(): unknown {
    // A second call, on what the first has answered, is not JSON's way: such values are left out here.
    return this.#value instanceof Date || this.#value instanceof Written ? 1 : this.#value;
  }
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => renamed(element, rename));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [rename(key), renamed(member, rename)]),
  );
}

function picked(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (typeof value !== 'object' || value === null || paths.some((path) => path.length === 0)) {
    return value;
  }
  if (Array.isArray(value)) return value.map((element) => picked(element, paths));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, member]) => {
      const inner = paths.filter((path) => path[0] === key).map((path) => path.slice(1));
      return inner.length === 0 ? [] : [[key, picked(member, inner)]];
    }),
  );
}

describe('a value', () => {
  test('has its names rewritten as those of its JSON would be, and is not written into', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom('camel', 'snake', 'kebab'), (value, style) => {
        freeze(value);
        expect(plain(shaped({ case: style }, value))).toEqual(
          renamed(plain(value), renameFor(style)),
        );
      }),
    );
  });

  test('has the members that were chosen, as its JSON would, in whatever order they were named', () => {
    const path = fc.array(fc.constantFrom('id', 'fullName', 'a_b', '__proto__', '0'), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(anything, fc.array(path, { minLength: 1, maxLength: 4 }), (value, paths) => {
        freeze(value);
        const choice = paths.map((names) => names.join('.'));
        const one = JSON.stringify(shaped({}, value, choice.join(',')));
        expect(one === undefined ? undefined : JSON.parse(one)).toEqual(
          picked(plain(value), paths),
        );
        expect(JSON.stringify(shaped({}, value, choice.toReversed().join(',')))).toBe(one);
      }),
    );
  });

  test('has no member left that is redacted wherever it stands', () => {
    fc.assert(
      fc.property(anything, (value) => {
        const text = JSON.stringify(shaped({ redact: ['**.fullName'] }, freeze(value))) ?? '';
        expect(text).not.toContain('"fullName":');
      }),
    );
  });

  test('that no rule meets is the very same, and so is each part that none meets', () => {
    const value = freeze({ a: { secret: 1, kept: { deep: [1] } }, b: [{ c: new Date(0) }] });
    expect(shaped({ redact: ['x.y', 'a.*.z'], decimals: { 'b.d': 2 } }, value)).toBe(value);
    const less = shaped({ redact: ['a.secret'] }, value) as typeof value;
    expect(less).toEqual({ a: { kept: value.a.kept }, b: value.b });
    expect(less.a.kept).toBe(value.a.kept);
    expect(less.b).toBe(value.b);
    expect(shaped({ bigints: 'text' }, value)).toBe(value);
  });

  test('is only looked at where something holds', () => {
    const shy = {
      a: { secret: 1 },
      get b(): object {
        return Object.defineProperty({}, 'c', {
          enumerable: true,
          get: () => {
            throw new Error('was looked at');
          },
        });
      },
    };
    expect(() => shaped({ redact: ['a.secret'] }, shy)).not.toThrow();
  });

  test('that answers with one that writes itself, again and again, is asked once', () => {
    class Endless {
      readonly isEndless = true;
      toJSON(): Endless {
        return new Endless();
      }
    }
    expect(shaped({ case: 'snake' }, { of: new Endless() })).toEqual({ of: { is_endless: true } });
  });

  test('that shares its parts, two to the power of sixty, is too large and not endless', () => {
    let value: object = {};
    for (let at = 0; at < 60; at++) value = { left: value, right: value };
    expect(() =>
      shaped({ case: 'snake' }, value, undefined, 'whole', { maxDepth: 64, maxNodes: 10_000 }),
    ).toThrow(/more than 10000 members/);
  });

  test('of exactly the depth and the size that are allowed is shaped', () => {
    const bounds = { maxDepth: 3, maxNodes: 4 };
    const given = { a: [{ b: 1, c: 2 }] };
    expect(shaped({ case: 'snake' }, given, undefined, 'whole', bounds)).toBe(given);
    expect(() => shaped({ case: 'snake' }, { a: [{ b: {} }] }, undefined, 'whole', bounds)).toThrow(
      /deeper than 3/,
    );
    expect(() => shaped({ case: 'snake' }, { ...given, d: 1 }, undefined, 'whole', bounds)).toThrow(
      /more than 4/,
    );
  });

  test('of one text stays it, where the runtime has such', () => {
    const { rawJSON } = JSON as { readonly rawJSON?: (text: string) => object };
    const bigId = rawJSON?.('12345678901234567890') ?? 5;
    expect(JSON.stringify(shaped({ case: 'snake' }, { bigId }))).toBe(
      JSON.stringify({ big_id: bigId }),
    );
  });
});

describe('formats', () => {
  test('of dates by place take texts that are instants, and nothing else', () => {
    const at = [
      '2026-11-26T01:00:00+01:00',
      '2026-11-26',
      '2026-11-26T01:00:00',
      '2026-13-45',
      'x',
    ];
    expect(shaped({ dates: { at: 'unix-s' } }, { at, other: new Date(0) })).toEqual({
      at: [1_795_651_200, 1_795_651_200, '2026-11-26T01:00:00', '2026-13-45', 'x'],
      other: new Date(0),
    });
    expect(shaped({ dates: { at: 'unix-ms' } }, { at: [new Date(5), 7, null] })).toEqual({
      at: [5, 7, null],
    });
    expect(plain(shaped({ dates: { '*': 'iso' } }, { a: '2026-11-26T01:00:00+01:00' }))).toEqual({
      a: '2026-11-26T00:00:00.000Z',
    });
    expect(plain(shaped({ dates: 'unix-ms' }, [new Date(Number.NaN)]))).toEqual([null]);
  });

  test('of dates everywhere hold where a number would have another', () => {
    const shape = { dates: 'unix-s', decimals: { '*': 1 } } as const;
    expect(shaped(shape, { a: new Date(2500), b: 1.25 })).toEqual({ a: 2, b: 1.3 });
  });

  test('of numbers round them, or write them with all their decimals', () => {
    const shape = { decimals: { 'at.*': 2 }, fixed: { 'prices.amount': 2 } };
    const value = {
      at: { latitude: 37.983_76, name: 'x', none: Number.NaN },
      prices: [12.5, 3, -0.001, 'n/a', null].map((amount) => ({ amount })),
    };
    expect(shaped(shape, value)).toEqual({
      at: { latitude: 37.98, name: 'x', none: Number.NaN },
      prices: ['12.50', '3.00', '0.00', 'n/a', null].map((amount) => ({ amount })),
    });
  });

  test('of a BigInt: a text, or the error that JSON has for it', () => {
    expect(shaped({ bigints: 'text' }, { id: 2n ** 64n, in: [1n] })).toEqual({
      id: '18446744073709551616',
      in: ['1'],
    });
    expect(() => JSON.stringify(shaped({ case: 'snake' }, { id: 1n }))).toThrow(/BigInt/);
  });
});

describe('links', () => {
  const links = {
    self: { href: '/cities/{id}' },
    country: { href: '/countries/{country.code}?by={id}' },
  };
  const city = freeze({ id: 7n, country: { code: 'G/R é' } });

  test('have members at any depth, coded for an address', () => {
    expect(shaped({ links }, city)).toMatchObject({
      links: { self: '/cities/7', country: '/countries/G%2FR%20%C3%A9?by=7' },
    });
    expect(shaped({ links }, { id: 1, country: null })).toMatchObject({
      links: { self: '/cities/1' },
    });
    const inheriting = { id: 1, country: Object.create({ code: 'inherited' }) as object };
    expect(shaped({ links }, inheriting)).toEqual({
      id: 1,
      country: {},
      links: { self: '/cities/1' },
    });
  });

  test('are written as HAL has them (draft-kelly-json-hal §5)', () => {
    expect(shaped({ links, hal: true }, city)).toMatchObject({
      _links: { self: { href: '/cities/7' } },
    });
  });

  test('stand beside those that the handler made, which win', () => {
    const value = { id: 1, links: { self: '/mine', more: '/more' } };
    expect(shaped({ links }, value)).toEqual({
      id: 1,
      links: { self: '/mine', more: '/more' },
    });
    expect(shaped({ links }, { id: 1, links: ['/a'] })).toEqual({ id: 1, links: ['/a'] });
  });

  test('are there for who chooses them, each by its name', () => {
    expect(shaped({ links }, city, 'id')).toEqual({ id: 7n });
    expect(shaped({ links }, city, 'links.self')).toEqual({ links: { self: '/cities/7' } });
    expect(Object.keys((shaped({ links }, city, 'links') as { links: object }).links)).toEqual([
      'self',
      'country',
    ]);
  });
});

describe('rules that meet', () => {
  test('hold together: those of any member, and those of one by its name', () => {
    const shape = { redact: ['*.secret', 'b.*.x'], decimals: { 'a.n': 1, '*.n': 0 } };
    expect(
      shaped(shape, { a: { secret: 1, n: 1.25 }, b: { secret: 1, n: 1.5, c: { x: 1, y: 1 } } }),
    ).toEqual({ a: { n: 1.3 }, b: { n: 2, c: { y: 1 } } });
  });

  test('hold together at any depth', () => {
    const member = { s: 1, t: 1, u: 1 };
    expect(shaped({ redact: ['*.*.s', 'a.k.t'] }, { a: { k: member, l: member } })).toEqual({
      a: { k: { u: 1 }, l: { t: 1, u: 1 } },
    });
    expect(shaped({ redact: ['*.*.s', '*.k.t'] }, { z: { k: member, l: member } })).toEqual({
      z: { k: { u: 1 }, l: { t: 1, u: 1 } },
    });
  });

  test('redact before anything else is asked of a member', () => {
    const value = {
      get password(): string {
        throw new Error('was read');
      },
      list: [{ password: 'x' }],
    };
    expect(shaped({ redact: ['**.password'], mask: '…' }, value)).toEqual({
      password: '…',
      list: [{ password: '…' }],
    });
  });
});

describe('a choice', () => {
  test('is read or refused with 400, whatever is asked', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.anything(), fc.stringMatching(/^[a-c.,* ]{0,40}$/)),
        (given) => {
          const refusal = refusalOf(given);
          expect(refusal === undefined || refusal instanceof ProblemError).toBe(true);
          expect([undefined, 'ERR_FIELDS_INVALID']).toContain(refusal?.code);
          expect([undefined, 400]).toContain(refusal?.status);
        },
      ),
    );
  });

  test('within a place is one within each line of a sequence', () => {
    const shape = new CompiledShape({ fields: { at: 'items' } }, { maxDepth: 64, maxNodes: 100 });
    const req = { url: '/?fields=id', query: { fields: 'id' } };
    const chosen = shape.choose({ req } as unknown as Exchange);
    expect(shape.apply({ id: 1, name: 'x' }, EXCHANGE, 'line', chosen)).toEqual({ id: 1 });
  });

  test('is remembered with others, but never with all', () => {
    const shape = new CompiledShape({ fields: true }, { maxDepth: 64, maxNodes: 100 });
    const { choices } = shape as unknown as { readonly choices: ReadonlyMap<string, unknown> };
    const choose = (fields: string): unknown =>
      shape.choose({ req: { url: '/?fields', query: { fields } } } as unknown as Exchange);
    expect(choose('id')).toBe(choose('id'));
    for (let at = 0; at < 2000; at++) {
      choose(`field${at}`);
      expect(choices.size).toBeLessThanOrEqual(256);
    }
  });

  test('of a member and of a part of it is that of the member', () => {
    const value = { a: { b: 1, c: 2 }, d: 3 };
    for (const fields of ['a,a.b', 'a.b,a']) {
      expect(shaped({}, value, fields)).toEqual({ a: { b: 1, c: 2 } });
    }
    expect(chosenOf([['a'], ['a', 'b']]).members.get('a')).toMatchObject({ all: true });
  });
});
