/** Values by Express' own path patterns. */
import { OptionError, routeTable } from '@org/core';

describe('routeTable', () => {
  const find = routeTable('test', { '/cities/:id': 'one', '/cities{/*rest}': 'all', '/': 'root' });

  test.each([
    ['/cities/12', 'one'],
    ['/CITIES/12/', 'one'],
    ['/cities/12?include=country', 'one'],
    ['/cities/12/nearby', 'all'],
    ['/cities', 'all'],
    ['/?q=/cities/1', 'root'],
    ['/countries', undefined],
    ['', undefined],
  ])('finds for %s', (url, expected) => {
    expect(find(url)).toBe(expected);
  });

  test('takes the first that matches, also where its value says no', () => {
    const ordered = routeTable<boolean>('test', { '/a': false, '/:any': true });
    expect([ordered('/a'), ordered('/b')]).toEqual([false, true]);
  });

  test('refuses a pattern that is none by its name', () => {
    expect(() => routeTable('timeout', { '/files/*': 1 })).toThrow(OptionError);
    expect(() => routeTable('timeout', { '/files/*': 1 })).toThrow(
      /timeout: route "\/files\/\*" is no path pattern of Express/,
    );
  });

  test.each(['cities', '', ':id', '*all'])('refuses "%s", which would never match', (pattern) => {
    expect(() => routeTable('timeout', { [pattern]: 1 })).toThrow(
      `route "${pattern}" must begin with a slash`,
    );
  });

  test('without patterns finds nothing', () => {
    expect(routeTable('test', {})('/')).toBeUndefined();
  });
});
