/** The parts that decide by themselves: choice, density, padding, reflection, benefit. */
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';

import { Choices } from '../src/accept-encoding.ts';
import { Benefit } from '../src/benefit.ts';
import { codersOf } from '../src/coders.ts';
import { isDense } from '../src/dense.ts';
import { LoopLoad } from '../src/loop-load.ts';
import { type Coding, COMPRESSION_DEFAULTS, type CompressionOptions } from '../src/options.ts';
import { isReflected, piecesOf } from '../src/reflected.ts';
import { fakeClock } from '@org/core/testing';

import { decode } from './asking.ts';

/** Noise of so many bytes, the same in every run. */
const noise = (bytes: number): Buffer =>
  createHash('shake256', { outputLength: bytes }).update('noise').digest();

describe('the choice (RFC 9110 §12.5.3)', () => {
  const OFFERED: readonly Coding[] = ['zstd', 'br', 'gzip', 'deflate'];

  test('is one of the codings on offer, never one with weight 0, and the same when it is remembered', () => {
    const weight = fc.constantFrom('', ';q=0', ';q=0.0', ';q=0.5', ';q=1', '; q=0.001', ';q=x');
    const member = fc.tuple(fc.constantFrom(...OFFERED, 'identity', '*', 'x', ''), weight);
    fc.assert(
      fc.property(fc.array(member, { maxLength: 8 }), (members) => {
        const choices = new Choices(OFFERED);
        const field = members.map((parts) => parts.join('')).join(', ');
        const choice = choices.of(field);
        expect(choices.of(field)).toEqual(choice);
        if (choice.coding === undefined) return;
        expect(OFFERED).toContain(choice.coding);
        const stated = members.filter(([name]) => name === choice.coding);
        const any = members.filter(([name]) => name === '*');
        const named = stated.length > 0 ? stated : any;
        expect(named.some(([, q]) => !/=0(\.0+)?$/.test(q))).toBe(true);
      }),
    );
  });

  test('takes any text without a throw, and remembers so many only', () => {
    const choices = new Choices(OFFERED);
    fc.assert(
      fc.property(fc.string({ maxLength: 600 }), (field) => {
        choices.of(field);
      }),
      { numRuns: 1000 },
    );
    const { choices: known } = choices as unknown as { readonly choices: Map<string, unknown> };
    expect(known.size).toBeLessThanOrEqual(256);
    expect(Math.max(...[...known.keys()].map(({ length }) => length))).toBeLessThanOrEqual(256);
  });

  test.each<[string, boolean]>([
    ['gzip', false],
    ['gzip, identity;q=0', true],
    ['gzip, *;q=0', true],
    ['gzip, *;q=0, identity;q=0.1', false],
  ])('%s refuses the identity: %s', (field, must) => {
    expect(new Choices(OFFERED).of(field)).toEqual({ coding: 'gzip', must });
  });
});

describe('density', () => {
  test.each<[string, Buffer, boolean]>([
    ['noise', noise(5000), true],
    ['noise that is short, of which nothing can be told', noise(511), false],
    ['noise of the least length', noise(512), true],
    ['noise behind a short head', Buffer.concat([Buffer.alloc(20, 'a'), noise(20_000)]), true],
    ['noise behind as much text', Buffer.concat([Buffer.alloc(5000, 'text '), noise(5000)]), false],
    ['base64', Buffer.from(noise(9000).toString('base64')), false],
    ['hex', Buffer.from(noise(9000).toString('hex')), false],
    ['base64 between accents', Buffer.from(`é${noise(9000).toString('base64')}ü`), false],
    ['JSON', Buffer.from(JSON.stringify(Array.from({ length: 300 }, (_, id) => ({ id })))), false],
    ['Chinese', Buffer.from('天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏'.repeat(20)), false],
    ['UTF-16', Buffer.from('All work and no play. '.repeat(60), 'utf16le'), false],
    ['numbers as floats', Buffer.from(new Float64Array(500).map((_, at) => at / 7).buffer), false],
    ['a picture', Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(900)]), true],
    ['a film', Buffer.concat([Buffer.from('\0\0\0 ftypisom'), Buffer.alloc(900)]), true],
    ['text that begins like a name of one', Buffer.from('PK is not a zip. '.repeat(60)), false],
  ])('%s', (_name, body, dense) => {
    expect(isDense(body)).toBe(dense);
  });

  test('base64 of anything is not dense', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 600, maxLength: 5000 }), (bytes) => {
        expect(isDense(Buffer.from(Buffer.from(bytes).toString('base64')))).toBe(false);
      }),
    );
  });
});

describe('coders', () => {
  const options = (more: Partial<CompressionOptions> = {}): CompressionOptions => ({
    ...COMPRESSION_DEFAULTS,
    ...more,
  });

  test.each(codersOf(options()).map((coder) => [coder.coding, coder] as const))(
    '%s gives what decoders take back, of any size, padded or not',
    async (coding, coder) => {
      const mostPadding = coding === 'br' || coding === 'gzip' ? 256 : 0;
      await fc.assert(
        fc.asyncProperty(
          fc.uint8Array({ minLength: 1, maxLength: 5000 }),
          fc.integer({ min: 1, max: 60 }),
          fc.boolean(),
          fc.integer({ min: 0, max: mostPadding }),
          async (bytes, times, light, padBytes) => {
            const body = Buffer.concat(Array.from({ length: times }, () => bytes));
            const job = { light, padBytes };
            const now = coder.now(body, job);
            expect(decode(coding, now).equals(body)).toBe(true);
            expect(decode(coding, await coder.later(body, job)).equals(body)).toBe(true);
            const plain = coder.now(body, { light, padBytes: 0 });
            expect(now.length - plain.length).toBeGreaterThanOrEqual(padBytes);
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  test('are those of the options that the runtime has, in their order, with padding those that have a place for it', () => {
    const names = (more: Partial<CompressionOptions>) =>
      codersOf(options(more)).map(({ coding }) => coding);
    expect(names({ codings: ['gzip', 'br'] })).toEqual(['gzip', 'br']);
    expect(names({ breach: 'pad' })).toEqual(['br', 'gzip']);
  });
});

describe('reflection', () => {
  const asking = (url: string, body?: unknown) => piecesOf({ url, body } as never);

  test.each<[string, string, unknown, string, boolean]>([
    ['a value', '/?q=guess', undefined, 'You searched for guess', true],
    ['a name', '/?guess=1', undefined, 'unknown: guess', true],
    [
      'a value that is escaped in part',
      '/?q=%22token%3Dab%22',
      undefined,
      '&quot;token&#61;',
      true,
    ],
    [
      'a value in another alphabet',
      '/?q=%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C',
      undefined,
      'пароль',
      true,
    ],
    [
      'a value that is escaped beyond ASCII',
      '/?q=%C3%A9guess%C3%A9',
      undefined,
      '&eacute;guess',
      true,
    ],
    ['a field of a form', '/', { name: 'guess' }, 'Hello guess', true],
    ['a value far down', '/', { a: [{ b: ['guess'] }] }, 'guess', true],
    ['a number', '/', { pin: 4711 }, 'pin 4711', true],
    ['bytes', '/', Buffer.from('guess'), 'guess', true],
    ['less than the shortest match', '/?q=ab', undefined, 'ab', false],
    ['what is not there', '/?q=guess', undefined, 'nothing', false],
    ['the path', '/guess', undefined, 'guess', false],
  ])('of %s', (_name, url, body, text, reflected) => {
    expect(isReflected(asking(url, body), Buffer.from(text))).toBe(reflected);
  });

  test.each<[string, string, unknown]>([
    ['pieces', `/?${Array.from({ length: 40 }, (_, at) => `name${at}=1`).join('&')}`, undefined],
    ['values', '/', Array.from({ length: 5000 }, () => 'x')],
    ['levels', '/', JSON.parse(`${'['.repeat(50)}1${']'.repeat(50)}`)],
  ])('of too many %s to look for counts as given', (_name, url, body) => {
    expect(asking(url, body)).toBe('many');
    expect(isReflected('many', Buffer.from(''))).toBe(true);
  });

  test('any text of letters is found wherever it stands', () => {
    const word = fc.stringMatching(/^[a-z0-9]{3,20}$/);
    fc.assert(
      fc.property(word, fc.string(), fc.string(), (guess, before, after) => {
        const pieces = asking(`/?q=${encodeURIComponent(`"${guess}'<`)}`);
        expect(isReflected(pieces, Buffer.from(`${before} ${guess} ${after}`))).toBe(true);
      }),
    );
  });
});

describe('the benefit', () => {
  test('of a route is judged after eight answers, and one of 64 is tried again', () => {
    const benefit = new Benefit();
    for (let count = 0; count < 7; count++) benefit.learn('/poor', 1);
    expect(benefit.pays('/poor')).toBe(true);
    benefit.learn('/poor', 1);
    const tried = Array.from({ length: 128 }, () => benefit.pays('/poor'));
    expect(tried.filter(Boolean)).toHaveLength(2);
    expect(tried.indexOf(true)).toBe(63);
    // It has become another: one answer does not change the verdict, several do.
    for (let count = 0; count < 3; count++) benefit.learn('/poor', 0.3);
    expect(benefit.pays('/poor')).toBe(true);
  });

  test('is known of a thousand routes at most, and of none without a name', () => {
    const benefit = new Benefit();
    for (let route = 0; route < 3000; route++) benefit.learn(`/${route}`, 1);
    expect(benefit.size).toBe(1000);
    for (let count = 0; count < 20; count++) benefit.learn(undefined, 1);
    expect(benefit.pays(undefined)).toBe(true);
  });
});

test('the load is asked four times a second at most, however many answers there are', () => {
  const clock = fakeClock();
  let asked = 0;
  let load = 0.9;
  const loop = new LoopLoad(clock, 0.8, () => {
    asked++;
    return load;
  });
  expect([loop.busy, asked]).toEqual([false, 0]);
  clock.advance(250);
  expect([loop.busy, loop.busy, loop.busy, asked]).toEqual([true, true, true, 1]);
  load = 0.7;
  clock.advance(249);
  expect([loop.busy, asked]).toEqual([true, 1]);
  clock.advance(1);
  expect([loop.busy, asked]).toEqual([false, 2]);
});
