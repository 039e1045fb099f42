import * as fc from 'fast-check';

import { container, type ContainerBuilder, GraphError } from '@org/di';

/** As somebody writes it who has no types. */
const untyped = (): ContainerBuilder<Record<string, unknown>, Record<string, unknown>> =>
  container() as never;
const none = (): undefined => undefined;

/** What `build` says is wrong. */
function problemsOf(build: () => unknown): readonly string[] {
  try {
    build();
  } catch (error) {
    if (error instanceof GraphError) return error.problems;
    throw error;
  }
  return [];
}

describe('a graph that cannot be built', () => {
  test('names what is missing, and what was probably meant', () => {
    const builder = untyped()
      .singleton('database', [], none)
      .singleton('users', ['databse', 'mail'], none);
    expect(problemsOf(() => builder.build())).toEqual([
      '"users" needs "databse", which is not registered. Did you mean "database"?',
      '"users" needs "mail", which is not registered. Register it.',
    ]);
  });

  test('shows circles from end to end', () => {
    const builder = untyped()
      .singleton('a', ['b'], none)
      .singleton('b', ['c'], none)
      .singleton('c', ['a'], none)
      .singleton('self', ['self'], none);
    expect(problemsOf(() => builder.build())).toEqual([
      '"a" needs "b" needs "c" needs "a": a circle. Move what both need into a service of its own.',
      '"self" needs "self": a circle. Move what both need into a service of its own.',
    ]);
  });

  test('has a singleton that would keep what belongs to a request, through whatever', () => {
    const builder = untyped()
      .scoped('session', [], none)
      .transient('query', ['session'], none)
      .singleton('direct', ['session'], none)
      .singleton('indirect', ['query'], none)
      .singleton('peeping', ['exchange'], none)
      .singleton('above', ['direct'], none);
    expect(problemsOf(() => builder.build())).toEqual([
      'the singleton "direct" needs "session", which is scoped: it would keep the one of the first request. Make "direct" scoped, or hand over what it needs with each call.',
      'the singleton "indirect" needs "session", which is scoped, through "query": it would keep the one of the first request. Make "indirect" scoped, or hand over what it needs with each call.',
      'the singleton "peeping" needs "exchange", which is scoped: it would keep the one of the first request. Make "peeping" scoped, or hand over what it needs with each call.',
    ]);
  });

  test('is refused by the compiler already, where there are types', () => {
    const builder = container()
      .scoped('session', ['exchange'], (exchange) => exchange.id)
      .transient('line', ['session'], (session) => session.length)
      .transient('free', [], () => 1);
    // @ts-expect-error: a singleton does not see what is scoped
    expect(() => builder.singleton('x', ['session'], none).build()).toThrow('scoped');
    // @ts-expect-error: nor what is transient and needs it
    expect(() => builder.singleton('x', ['line'], none).build()).toThrow('through "line"');
    // @ts-expect-error: nobody has registered it
    expect(() => builder.scoped('x', ['sesion'], none).build()).toThrow('Did you mean "session"?');
    expect(
      builder
        .singleton('x', ['free'], (free) => free + 1)
        .build()
        .get('x'),
    ).toBe(2);
  });

  test('of any shape is either built, and every service can be made, or refused', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const service = fc.record({
      lifetime: fc.constantFrom('singleton', 'scoped', 'transient'),
      needs: fc.subarray([...names, 'exchange']),
    });
    fc.assert(
      fc.property(fc.array(service, { minLength: 5, maxLength: 5 }), (services) => {
        let builder = untyped();
        for (const [at, { lifetime, needs }] of services.entries()) {
          builder = builder[lifetime as 'scoped'](names[at]!, needs, () => names[at]) as never;
        }
        if (problemsOf(() => builder.build()).length > 0) return;
        const built = builder.build();
        const scope = built.scope({} as never) as { get(name: string): unknown };
        for (const name of names) expect(scope.get(name)).toBe(name);
        const order = built.graph().map((node) => node.name);
        for (const { name, needs } of built.graph()) {
          for (const needed of needs.filter((one) => one !== 'exchange')) {
            expect(order.indexOf(needed)).toBeLessThan(order.indexOf(name));
          }
        }
      }),
    );
  });
});

test.each<[string, () => unknown, string]>([
  ['no name', () => untyped().value('', 1), 'the name of a service must be a string'],
  ['the reserved name', () => untyped().value('exchange', 1), '"exchange" is there in every scope'],
  ['a name twice', () => untyped().value('a', 1).value('a', 2), 'there is a service "a" already'],
  [
    'a promise for a value',
    () => untyped().value('a', Promise.resolve(1)),
    'service "a": a value must be there already, but is a promise',
  ],
  ['no list', () => untyped().singleton('a', 'b' as never, none), 'must be a list of names'],
  ['a need that is no name', () => untyped().scoped('a', [5 as never], none), 'a list of names'],
  ['no factory', () => untyped().singleton('a', [], 5 as never), 'must be a function'],
  [
    'no disposer',
    () => untyped().singleton('a', [], none, { dispose: 5 as never }),
    'service "a": option "dispose" must be a function',
  ],
  [
    'an option that is none',
    () => untyped().singleton('a', [], none, { dispoze: none } as never),
    'service "a": option "dispoze" is unknown; did you mean "dispose"?',
  ],
])('registering is refused: %s', (_what, register, message) => {
  expect(register).toThrow(message);
});

test('graph() shows every service, its lifetime and its needs, behind what it needs', () => {
  const built = container()
    .value('config', { url: 'x' })
    .singleton('pool', ['config'], ({ url }) => url)
    .scoped('session', ['pool', 'exchange'], (pool) => pool)
    .build();
  expect(built.graph()).toEqual([
    { name: 'config', lifetime: 'singleton', needs: [] },
    { name: 'pool', lifetime: 'singleton', needs: ['config'] },
    { name: 'session', lifetime: 'scoped', needs: ['pool', 'exchange'] },
  ]);
});
