import express from 'express';

import type { Component } from '@org/core';
import { CATALOGUE_NAMES, isLazy, setup, standard } from '@org/setup';

jest.mock('@org/health', () => {
  throw Object.assign(new Error("Cannot find package '@org/health'"), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

/** Of those that need some. */
const OPTIONS: Readonly<Record<string, object>> = {
  logging: { access: false },
  versioning: { versions: [1] },
  db: { url: 'postgres://nobody@127.0.0.1:1/none' },
};
const settings = (enabled: readonly string[], lazy?: boolean) => ({
  isEnabled: (name: string) => enabled.includes(name),
  options: (name: string) => OPTIONS[name] ?? {},
  ...(lazy === undefined ? {} : { lazy }),
});
const present = CATALOGUE_NAMES.filter((name) => name !== 'health');

describe('the standard catalogue', () => {
  test('brings what is enabled, and nothing else', async () => {
    const parts = (await standard(settings(['correlation', 'errors']))) as readonly Component[];
    expect(parts.map(({ name }) => name)).toEqual(['correlation', 'errors']);
  });

  test('leaves for later what can wait, unless told otherwise', async () => {
    const parts = (await standard(settings(present))) as readonly Component[];
    expect(parts.filter(isLazy).map(({ name }) => name)).toEqual(['errors']);
    const eager = (await standard(settings(present, false))) as readonly Component[];
    expect(eager.some(isLazy)).toBe(false);
  });

  test('becomes a stack whose places are those of the packages', async () => {
    const [later, now] = [
      await standard(settings(present)),
      await standard(settings(present, false)),
    ];
    const order = (parts: typeof later): string[] =>
      setup(express(), parts)
        .explain()
        .rows.map(({ name, phase }) => `${phase} ${name}`);
    expect(order(later)).toEqual(order(now));
  });

  test('names the command that installs a missing package', async () => {
    await expect(standard(settings(['health']))).rejects.toThrow(
      '"health" is enabled, but its package is not installed. Run: npm install @org/health (or set ENABLE_HEALTH=false).',
    );
  });
});
