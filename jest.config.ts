/**
 * One run over the sources of every package: nothing has to be built first.
 *
 * @jest-config-loader esbuild-register
 */
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  // The scoped condition leads an import of @org/x to its sources, not to a build.
  testEnvironmentOptions: { customExportConditions: ['@org/source', 'node', 'node-addons'] },
  testMatch: [
    '<rootDir>/packages/*/test/**/*.test.ts',
    '<rootDir>/apps/*/test/**/*.test.ts',
    '<rootDir>/scripts/test/**/*.test.ts',
    '<rootDir>/bench/test/**/*.test.ts',
    '<rootDir>/faults/test/**/*.test.ts',
    '<rootDir>/test-servers/test/**/*.test.ts',
  ],
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist/'],
  transform: {
    '\\.m?ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  // Jest leaves a core free by default, which on two cores means one worker.
  maxWorkers: '100%',
  // A hang has to end; how fast a machine is must not fail a test.
  testTimeout: 240_000,
  passWithNoTests: true,
};

export default config;
