import { nearest } from '@org/core';

test('a guess is the nearest of the known names, swaps and capitals counted kindly', () => {
  expect(nearest('ttlMS', ['maxBytes', 'ttlMs'])).toBe('ttlMs');
  expect(nearest('tltMs', ['maxBytes', 'ttlMs'])).toBe('ttlMs');
  expect(nearest('maxByte', ['maxBytes', 'maxBits'])).toBe('maxBytes');
});

test('what is more than a third wrong was not meant', () => {
  expect(nearest('colour', ['ttlMs', 'cold'])).toBeUndefined();
  expect(nearest('x', [])).toBeUndefined();
});

test('who knows less of the names can ask for nearer guesses only', () => {
  expect(nearest('CACHE_DIR', ['CACHE_TTL'])).toBe('CACHE_TTL');
  expect(nearest('CACHE_DIR', ['CACHE_TTL'], 2)).toBeUndefined();
  expect(nearest('CACHE_TLL', ['CACHE_TTL'], 1)).toBe('CACHE_TTL');
  expect(nearest('port', ['PORT'], 0)).toBe('PORT');
  expect(nearest('ports', ['PORT'], 0)).toBeUndefined();
});
