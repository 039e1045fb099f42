import { inspect } from 'node:util';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { defineComponent, defineMiddleware, exchangeOf } from '@org/core';
import { setup, standard } from '@org/setup';
import {
  COMPONENTS,
  type Config,
  ConfigError,
  defineSettings,
  loadConfig,
  priorityOf,
  readConfigFile,
  SETTINGS,
  switchOf,
} from '@org/config';
import express from 'express';
import * as fc from 'fast-check';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A configuration out of `env` alone. */
const from = (env: Record<string, string>) => loadConfig({ env, dotenv: false });
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const refusal = (load: () => unknown): ConfigError => {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('was accepted');
};
const codes = (config: Pick<Config, 'warnings'>): string[] =>
  config.warnings.map(({ code }) => code);

describe('defaults', () => {
  test('are those that are documented', () => {
    expect(from({}).values).toMatchObject({
      CACHE_TTL: 300,
      CACHE_COMPRESS_THRESHOLD: 1024,
      BATCH_WINDOW_MS: 50,
      MAX_BATCH_SIZE: 100,
      MAX_QUEUE_SIZE: 1000,
      MAX_CONCURRENT: 100,
      RETRY_MAX_ATTEMPTS: 3,
      PROFILER_STALL_MS: 250,
      LAZY_LOAD_MIDDLEWARE: true,
      ENABLE_ENHANCED_SECURITY: true,
      THREAT_THRESHOLD: 5,
      THREAT_WINDOW: 300,
      ENABLE_IP_WHITELIST: false,
      IP_WHITELIST: undefined,
      IP_DENYLIST: undefined,
      ENABLE_CSRF_PROTECTION: false,
      ENABLE_PERFORMANCE_MONITORING: true,
      ENABLE_POOL_MONITORING: true,
      ENABLE_API_ANALYTICS: true,
      ANALYTICS_SECRET: undefined,
      LOG_LEVEL: 'INFO',
      ENABLE_HEAVY_MIDDLEWARE: false,
      ENABLE_OPENTELEMETRY: false,
      ENABLE_ASYNC_CONTEXT: false,
      RATE_LIMIT_MAX: 100,
      RATE_LIMIT_WINDOW: 60,
      ENABLE_DISTRIBUTED_RATE_LIMIT: false,
      REQUEST_TIMEOUT: 30,
      PORT: 3000,
      TRUST_PROXY: false,
      TASKS_FOLDER: undefined,
      REDIS_URL: undefined,
      REDIS_CLUSTER: false,
      REDIS_KEY_PREFIX: undefined,
      DATABASE_URL: undefined,
      WEBSOCKET_MAX_CONNECTIONS: 10_000,
      DATABASE_POOL_MAX: 10,
      N_PLUS_ONE: 'warn',
      SLOW_QUERY_MS: 200,
      MONITORING_TOKEN: undefined,
    });
    expect(from({}).warnings).toEqual([]);
  });

  test('are accepted by their own rows, which all have help', () => {
    for (const { name, help, default: text } of from({}).table()) {
      expect(help).toMatch(/^[A-Z].*\.$/);
      expect(from({ [name]: text }).values).toEqual(from({}).values);
    }
  });

  test('stand in the README, with unit and default', () => {
    const switches = new Set(
      COMPONENTS.flatMap((one) => [switchOf(one.name), priorityOf(one.name)]),
    );
    const readme = readFileSync('packages/config/README.md', 'utf8');
    for (const { name, default: value, unit } of from({}).table()) {
      if (switches.has(name)) continue;
      const row = readme.split('\n').find((line) => line.startsWith(`| \`${name}\``));
      const text = value === '' ? '' : `\`${value}\``;
      expect(row?.split('|').map((cell) => cell.trim())).toEqual(
        expect.arrayContaining([text, unit ?? '']),
      );
    }
  });

  test('every component has a switch and a priority', () => {
    for (const { name } of COMPONENTS) {
      const upper = name.replaceAll('-', '_').toUpperCase();
      expect(SETTINGS).toHaveProperty(`ENABLE_${upper}`);
      expect(SETTINGS).toHaveProperty(`${upper}_PRIORITY`);
    }
  });
});

describe('layers', () => {
  const path = file(
    'layers.json',
    '{"CACHE_TTL": 1, "MAX_CONCURRENT": 1, "PORT": 1, "BATCH_WINDOW_MS": "1"}',
  );
  const dotenv = file('layers.env', 'CACHE_TTL=2\nMAX_CONCURRENT=2\nPORT=2\nFOREIGN=x\n');
  const config = loadConfig({
    file: path,
    dotenv,
    env: { CACHE_TTL: '3', MAX_CONCURRENT: '3', ENABLE_CACHE: '', PORT: ' ' },
    overrides: { CACHE_TTL: 4, PORT: undefined },
  });

  test('code wins over the environment, that over .env, that over the file, that over the default', () => {
    expect(config.values).toMatchObject({
      CACHE_TTL: 4,
      MAX_CONCURRENT: 3,
      PORT: 2,
      BATCH_WINDOW_MS: 1,
      MAX_BATCH_SIZE: 100,
    });
  });

  test('each value knows where it came from', () => {
    expect(config.origin('CACHE_TTL')).toEqual({ layer: 'code' });
    expect(config.origin('MAX_CONCURRENT')).toEqual({ layer: 'environment' });
    expect(config.origin('PORT')).toEqual({ layer: 'dotenv', path: dotenv });
    expect(config.origin('BATCH_WINDOW_MS')).toEqual({ layer: 'file', path });
    expect(config.origin('MAX_BATCH_SIZE')).toEqual({ layer: 'default' });
    const misspelt: string = 'CACHE_TLL';
    expect(() => config.origin(misspelt as 'CACHE_TTL')).toThrow(/CACHE_TTL/);
  });

  test('an empty text is no value: the next weaker layer speaks', () => {
    expect(config.origin('ENABLE_CACHE')).toEqual({ layer: 'default' });
    expect(config.values.PORT).toBe(2);
  });

  test('the configuration and the options are frozen, and the given options survive', () => {
    const overrides = Object.freeze({ CACHE_TTL: 9 });
    const frozen = loadConfig(Object.freeze({ env: Object.freeze({}), dotenv: false, overrides }));
    expect(Object.isFrozen(frozen)).toBe(true);
    expect(Object.isFrozen(frozen.values)).toBe(true);
    expect(Object.isFrozen(frozen.options('cache'))).toBe(true);
  });

  test('process.env and .env of the working folder are read without being asked for', () => {
    const before = process.cwd();
    file('.env', 'MAX_QUEUE_SIZE=77\n');
    process.chdir(folder);
    process.env['MAX_BATCH_SIZE'] = '88';
    try {
      const { values } = loadConfig();
      expect([values.MAX_QUEUE_SIZE, values.MAX_BATCH_SIZE]).toEqual([77, 88]);
    } finally {
      delete process.env['MAX_BATCH_SIZE'];
      process.chdir(before);
      rmSync(join(folder, '.env'));
    }
  });
});

describe('values', () => {
  test.each([
    ['true', true],
    ['TRUE', true],
    ['1', true],
    ['yes', true],
    ['on', true],
    ['false', false],
    ['0', false],
    ['no', false],
    ['Off', false],
  ])('the switch %s is %s', (text, value) => {
    expect(from({ ENABLE_CACHE: text }).values.ENABLE_CACHE).toBe(value);
  });

  test.each(['2', 'ja', 'truee', 'null', '-1'])('the switch %s is refused', (text) => {
    expect(refusal(() => from({ ENABLE_CACHE: text })).message).toContain('true or false');
  });

  test.each([
    '12abc',
    '0x10',
    '1e3',
    '1_000',
    '1,000',
    '+5',
    '1.5',
    '.5',
    'NaN',
    'Infinity',
    '--1',
  ])('the number %s is refused', (text) => {
    const { problems } = refusal(() => from({ MAX_CONCURRENT: text }));
    expect(problems).toMatchObject([
      { name: 'MAX_CONCURRENT', value: JSON.stringify(text), source: 'environment' },
    ]);
  });

  test('numbers outside of their range are refused, with the range', () => {
    expect(refusal(() => from({ PORT: '65536' })).message).toContain('at most 65535');
    expect(refusal(() => from({ MAX_CONCURRENT: '0' })).message).toContain('at least 1');
    // Longer than a timer can wait.
    expect(refusal(() => from({ CACHE_TTL: '2147484' })).message).toContain('at most 2147483');
    expect(from({ PORT: '0', CACHE_PRIORITY: '-3' }).values).toMatchObject({
      PORT: 0,
      CACHE_PRIORITY: -3,
    });
  });

  test('any whole number in range survives its text, and nothing else does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
        expect(from({ PORT: String(port) }).values.PORT).toBe(port);
      }),
    );
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        fc.pre(text.trim() !== '' && !/^-?\d+(\.\d+)?$/.test(text.trim()));
        expect(() => from({ PORT: text })).toThrow(ConfigError);
      }),
    );
  });

  test.each([
    ['REQUEST_TIMEOUT', '30s', 'write 30.'],
    ['REQUEST_TIMEOUT', '2 minutes', 'write 120.'],
    ['REQUEST_TIMEOUT', '1500ms', 'takes the number alone.'],
    ['BATCH_WINDOW_MS', '2s', 'write 2000.'],
    ['CACHE_COMPRESS_THRESHOLD', '4kb', 'write 4096.'],
  ])('%s=%s is told: %s', (name, text, hint) => {
    expect(refusal(() => from({ [name]: text })).message).toContain(hint);
  });

  test('a word of a choice is taken in any case, and a near one is guessed', () => {
    expect(from({ LOG_LEVEL: 'debug' }).values.LOG_LEVEL).toBe('DEBUG');
    expect(refusal(() => from({ LOG_LEVEL: 'WARNIN' })).message).toContain('Did you mean WARN?');
  });

  test.each([
    ['REQUEST_TIMEOUT', '30000', '8.3 hours', 'write 30.'],
    ['RATE_LIMIT_WINDOW', '60000', '16.7 hours', 'write 60.'],
    ['RATE_LIMIT_WINDOW', '900000', '250 hours', 'write 900.'],
    ['CACHE_TTL', '300000', '83.3 hours', 'write 300.'],
  ])('%s=%s is taken, and asked whether milliseconds were meant', (name, text, hours, hint) => {
    const { warnings } = from({ [name]: text });
    expect(warnings).toMatchObject([{ code: 'milliseconds-for-seconds', names: [name] }]);
    expect(warnings[0]!.message).toContain(hours);
    expect(warnings[0]!.message).toContain(hint);
  });

  test('times that people mean in seconds are not asked about', () => {
    for (const seconds of [1, 30, 1000, 3600, 36_000, 86_400, 604_800, 864_000]) {
      expect(from({ CACHE_TTL: String(seconds), BATCH_WINDOW_MS: '50' }).warnings).toEqual([]);
    }
  });

  test.each([
    ['false', false],
    ['true', true],
    ['1', 1],
    ['2', 2],
    ['loopback', 'loopback'],
    ['10.0.0.0/8,  fd00::/8', '10.0.0.0/8, fd00::/8'],
  ])('TRUST_PROXY=%s is %p as Express takes it', (text, value) => {
    const config = from({ TRUST_PROXY: text });
    expect(config.values.TRUST_PROXY).toBe(value);
    const app = express();
    app.set('trust proxy', config.options('express')['trust proxy']);
    expect(app.get('trust proxy')).toBe(value);
  });

  test.each(['everyone', '-1', '10.0.0.0/8;x', '1.5', '10.0.0', '999.1.1.1', '10.0.0.0/33', ':::'])(
    'TRUST_PROXY=%s is refused',
    (text) => expect(() => from({ TRUST_PROXY: text })).toThrow(ConfigError),
  );

  test('addresses of TRUST_PROXY are taken where Express takes them, and only there', () => {
    const octets = fc.tuple(
      ...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 127, 255, 256)),
    );
    const address = fc.oneof(
      octets.map((all) => all.join('.')),
      fc.constantFrom('::1', 'fd00::', '::ffff:10.0.0.1', '1::2::3', 'fe80', 'loopback'),
    );
    const range = fc.oneof(
      fc.constant(''),
      fc.nat({ max: 130 }).map((n) => `/${n}`),
    );
    const mask = fc.constantFrom('/255.255.0.0', '/255.0.255.0', '/0.0.0.0', '/x', '/');
    fc.assert(
      fc.property(address, fc.oneof(range, mask), (one, rest) => {
        const accepts = (take: () => unknown): boolean => {
          try {
            take();
            return true;
          } catch {
            return false;
          }
        };
        const text = `${one}${rest}`;
        expect(accepts(() => from({ TRUST_PROXY: text }))).toBe(
          accepts(() => express().set('trust proxy', text)),
        );
      }),
    );
  });

  test('URLs need their protocol', () => {
    expect(from({ REDIS_URL: 'rediss://h:6380' }).values.REDIS_URL).toBe('rediss://h:6380');
    expect(refusal(() => from({ REDIS_URL: 'http://h' })).message).toContain(
      'redis:// or rediss://',
    );
    expect(() => from({ DATABASE_URL: 'localhost' })).toThrow(ConfigError);
  });

  test('a file and code may give values in their own types', () => {
    const path = file('types.json', '{"ENABLE_CACHE": false, "CACHE_TTL": 12, "ENABLE_DEDUP": 1}');
    expect(loadConfig({ file: path, env: {}, dotenv: false }).values).toMatchObject({
      ENABLE_CACHE: false,
      CACHE_TTL: 12,
      ENABLE_DEDUP: true,
    });
    const wrong = file(
      'wrong.json',
      '{"ENABLE_CACHE": null, "CACHE_TTL": true, "PORT": [1], "MAX_CONCURRENT": 1.5, "LOG_LEVEL": 3}',
    );
    expect(
      refusal(() => loadConfig({ file: wrong, env: {}, dotenv: false })).problems,
    ).toHaveLength(5);
  });
});

describe('errors', () => {
  test('are told all at once, each with name, value, source and form', () => {
    const path = file('errors.json', '{"CACHE_TLL": 1, "nonsense": 2, "MAX_CONCURRENT": "many"}');
    const dotenv = file('errors.env', 'PORT=http\n');
    const error = refusal(() =>
      loadConfig({
        file: path,
        dotenv,
        env: { REQUEST_TIMEOUT: 'soon' },
        overrides: { BATCH_WINDOW_MS: -1, PROT: 1 } as object,
      }),
    );
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.problems).toEqual([
      expect.objectContaining({ name: 'CACHE_TLL', source: path, suggestion: 'CACHE_TTL' }),
      expect.not.objectContaining({ suggestion: expect.anything() }),
      expect.objectContaining({ name: 'MAX_CONCURRENT', source: path, value: '"many"' }),
      expect.objectContaining({ name: 'PORT', source: dotenv, value: '"http"' }),
      expect.objectContaining({ name: 'REQUEST_TIMEOUT', source: 'environment' }),
      expect.objectContaining({ name: 'BATCH_WINDOW_MS', source: 'code', value: '-1' }),
      expect.objectContaining({ name: 'PROT', source: 'code', suggestion: 'PORT' }),
    ]);
    for (const { name, message } of error.problems) {
      expect(message).toContain(name);
      expect(error.message).toContain(message);
    }
  });

  test('a mistake that a stronger layer hides is told too', () => {
    const path = file('hidden.json', '{"PORT": "x"}');
    expect(() => loadConfig({ file: path, env: { PORT: '80' }, dotenv: false })).toThrow(path);
  });

  test('files that cannot be read are problems like others, and do not hide others', () => {
    const missing = join(folder, 'missing.json');
    const error = refusal(() => loadConfig({ file: missing, dotenv: folder, env: { PORT: 'x' } }));
    expect(error.problems.map(({ name, source }) => [name, source])).toEqual([
      ['file', missing],
      ['dotenv', folder],
      ['PORT', 'environment'],
    ]);
  });

  test('broken JSON is told by its place, and its text stays where it is', () => {
    const path = file('broken.json', '{\n  "MONITORING_TOKEN": "hush-hush-hush-hush" x\n}');
    const { message } = refusal(() => loadConfig({ file: path, env: {}, dotenv: false }));
    expect(message).toContain('line 2');
    expect(message).not.toContain('hush');
    const list = file('list.json', '[]');
    expect(() => loadConfig({ file: list, env: {}, dotenv: false })).toThrow('an object');
  });

  test('a module as file is told how to be read', async () => {
    expect(() => loadConfig({ file: 'x.mjs', env: {}, dotenv: false })).toThrow('readConfigFile');
    await expect(readConfigFile(join(folder, 'none.json'))).rejects.toThrow('no such file');
    const path = file('read.json', '{"PORT": 8080}');
    const read = await readConfigFile(path);
    expect(loadConfig({ file: read, env: {}, dotenv: false }).origin('PORT').path).toBe(path);
  });

  test('wrong options of loadConfig itself are told by name', () => {
    expect(() => loadConfig({ environment: {} } as object)).toThrow('environment');
    expect(() => loadConfig({ env: 3 } as object)).toThrow('"env"');
  });

  test('names of objects are no settings', () => {
    const path = file('proto.json', '{"__proto__": 1, "constructor": 2}');
    const { problems } = refusal(() => loadConfig({ file: path, env: {}, dotenv: false }));
    expect(problems).toHaveLength(2);
  });
});

describe('secrets', () => {
  const secrets = {
    REDIS_URL: 'rediss://user:s3cret@redis:6379/1?password=s3cret',
    DATABASE_URL: 'postgres://user:s3cret@db/app',
    MONITORING_TOKEN: 's3cret-s3cret-s3cret',
  };

  test('are in the values and the options, and nowhere that is printed', () => {
    const config = from(secrets);
    expect(config.values).toMatchObject(secrets);
    expect(config.options('redis')).toEqual({ url: secrets.REDIS_URL, cluster: false });
    for (const printed of [
      JSON.stringify(config),
      inspect(config),
      JSON.stringify(config.table()),
      inspect(config, { showHidden: true, depth: 9 }),
    ]) {
      expect(printed).not.toContain('s3cret');
    }
    const shown = Object.fromEntries(config.table().map(({ name, value }) => [name, value]));
    expect(shown).toMatchObject({
      REDIS_URL: 'rediss://***@redis:6379/1?***',
      DATABASE_URL: 'postgres://***@db/app',
      MONITORING_TOKEN: '***',
    });
  });

  test('are not in errors', () => {
    const error = refusal(() =>
      from({ REDIS_URL: 'http://u:s3cret@h', DATABASE_URL: 's3cret', MONITORING_TOKEN: 's3cret' }),
    );
    expect(error.problems).toHaveLength(3);
    expect(JSON.stringify(error.problems) + error.message).not.toContain('s3cret');
  });
});

describe('names that are nearly ours', () => {
  test('in the environment and in .env they are warned about', () => {
    const dotenv = file('near.env', 'DATABASE_URI=postgres://h/x\nENABLE_CAHCE=false\n');
    const config = loadConfig({ env: { CACHE_TLL: '1', port: '80', CAHCE_PRIORITY: '1' }, dotenv });
    expect(config.warnings.map(({ names }) => names)).toEqual([
      ['DATABASE_URI', 'DATABASE_URL'],
      ['ENABLE_CAHCE', 'ENABLE_CACHE'],
      ['CACHE_TLL', 'CACHE_TTL'],
      ['port', 'PORT'],
      ['CAHCE_PRIORITY', 'CACHE_PRIORITY'],
    ]);
    expect(config.warnings.every(({ code }) => code === 'near-miss')).toBe(true);
  });

  test('our names by another custom are warned about, with the unit of ours', () => {
    const { warnings } = from({
      RATE_LIMIT_WINDOW_MS: '60000',
      REQUEST_TIMEOUT_SECONDS: '30',
      CACHE_ENABLED: 'true',
    });
    expect(warnings.map(({ names }) => names)).toEqual([
      ['RATE_LIMIT_WINDOW_MS', 'RATE_LIMIT_WINDOW'],
      ['REQUEST_TIMEOUT_SECONDS', 'REQUEST_TIMEOUT'],
      ['CACHE_ENABLED', 'ENABLE_CACHE'],
    ]);
    expect(warnings[0]!.message).toContain(
      'Did you mean RATE_LIMIT_WINDOW, which is in seconds? If',
    );
    expect(warnings[2]!.message).toContain('Did you mean ENABLE_CACHE? If');
  });

  test('foreign variables are left alone', () => {
    const env = {
      PATH: '/bin',
      HOME: '/',
      CACHE_DIR: 'x',
      CACHE_KEY: 'x',
      ENABLE_UI: '1',
      ENABLE_SSO: '1',
      REDIS_HOST: 'x',
      REDIS_TLS_URL: 'x',
      PORTS: '1',
      LOG_FILE: 'x',
      MAX_CONNECTIONS: '9',
      NODE_ENV: 'test',
    };
    expect(from(env).warnings).toEqual([]);
  });

  test('a variable can be declared foreign', () => {
    const config = loadConfig({ env: { CACHE_TLL: '1' }, dotenv: false, ignore: ['CACHE_TLL'] });
    expect(config.warnings).toEqual([]);
  });
});

describe('a setting that another one bounds', () => {
  test('may reach it, and is refused above it with both names and the way out', () => {
    expect(from({ CIRCUIT_OPEN_TIME: '60' }).options('circuit')).toMatchObject({ openMs: 60_000 });
    expect(
      from({ CIRCUIT_OPEN_TIME: '120', CIRCUIT_MAX_OPEN_TIME: '120' }).options('circuit'),
    ).toMatchObject({ openMs: 120_000, maxOpenMs: 120_000 });
    expect(() => from({ CIRCUIT_OPEN_TIME: '120' })).toThrow(
      'CIRCUIT_OPEN_TIME (environment) must be at most CIRCUIT_MAX_OPEN_TIME, which is 60, but is 120. Set CIRCUIT_MAX_OPEN_TIME to 120 or more.',
    );
    expect(() => from({ CIRCUIT_MAX_OPEN_TIME: '3' })).toThrow(
      'CIRCUIT_OPEN_TIME (default) must be at most CIRCUIT_MAX_OPEN_TIME, which is 3, but is 5.',
    );
  });
});

describe('options of components', () => {
  test('are in the options’ own names and units', () => {
    const config = from({
      CACHE_TTL: '60',
      REQUEST_TIMEOUT: '5',
      RETRY_MAX_ATTEMPTS: '2',
      PROFILER_STALL_MS: '400',
      THREAT_WINDOW: '2',
      IP_WHITELIST: '192.0.2.7, 10.0.0.0/8,2001:db8::/32',
      MONITORING_TOKEN: 'sixteen-characters',
      ANALYTICS_SECRET: 'a-secret-of-many-letters',
      LOG_LEVEL: 'warn',
      DATABASE_POOL_MAX: '4',
      CIRCUIT_ERROR_RATIO: '0.3',
      CIRCUIT_SLOW_CALL_MS: '1500',
    });
    expect(config.options('cache')).toEqual({ ttlMs: 60_000, compressThresholdBytes: 1024 });
    expect(config.options('timeout')).toEqual({ timeoutMs: 5000 });
    expect(config.options('retry')).toEqual({ maxAttempts: 2 });
    expect(config.options('analytics')).toEqual({
      access: 'sixteen-characters',
      secret: 'a-secret-of-many-letters',
    });
    expect(() => from({ ANALYTICS_SECRET: 'short' })).toThrow('at least 16 characters');
    expect(config.options('db')).toEqual({
      max: 4,
      monitorPool: true,
      access: 'sixteen-characters',
    });
    expect(config.options('security')).toEqual({
      enhanced: true,
      threatThreshold: 5,
      threatWindowMs: 2000,
      allowOnly: false,
      allow: ['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'],
      csrf: false,
      access: 'sixteen-characters',
    });
    for (const wrong of ['loopback', '10.0.0.0/255.0.0.0', '10.0.0.0/33', '1.2.3', '10.0.0.0/8/8'])
      expect(() => from({ IP_DENYLIST: wrong })).toThrow('addresses and networks');
    expect(config.options('profiler')).toEqual({ stallMs: 400, access: 'sixteen-characters' });
    expect(config.options('logging')).toEqual({ level: 'WARN' });
    expect(config.options('metrics')).toEqual({
      openTelemetry: false,
      access: 'sixteen-characters',
    });
    expect(from({ ENABLE_OPENTELEMETRY: 'true' }).options('metrics')).toEqual({
      openTelemetry: true,
    });
    expect(config.options('circuit')).toEqual({
      errorRatio: 0.3,
      slowCallMs: 1500,
      windowMs: 10_000,
      minimumCalls: 10,
      openMs: 5000,
      maxOpenMs: 60_000,
    });
    expect(config.options('rate-limit')).toEqual({
      limit: 100,
      windowMs: 60_000,
      distributed: false,
    });
    expect(config.options('websocket')).toEqual({
      maxConnections: 10_000,
      access: 'sixteen-characters',
    });
    expect(config.options('redis')).toEqual({ cluster: false });
    expect(
      from({ REDIS_URL: 'redis://h', REDIS_CLUSTER: '1', REDIS_KEY_PREFIX: 'trips' }).options(
        'redis',
      ),
    ).toEqual({ url: 'redis://h', cluster: true, keyPrefix: 'trips' });
    expect(config.options('tasks')).toEqual({ cluster: false, access: 'sixteen-characters' });
    expect(
      from({ TASKS_FOLDER: '/jobs', REDIS_URL: 'redis://h', REDIS_CLUSTER: '1' }).options('tasks'),
    ).toEqual({ folder: '/jobs', url: 'redis://h', cluster: true });
    expect(config.options('dedup')).toEqual({});
    expect(() => config.options('cahce')).toThrow('"cache"');
  });

  test('a component takes part when its switch, its gates and the one for heavy ones are on', () => {
    expect(from({}).isEnabled('cache')).toBe(true);
    expect(from({ ENABLE_CACHE: 'false' }).isEnabled('cache')).toBe(false);
    expect(from({}).isEnabled('openapi')).toBe(false);
    expect(from({ ENABLE_OPENAPI: 'on' }).isEnabled('openapi')).toBe(true);
    expect(from({ ENABLE_API_ANALYTICS: '0' }).isEnabled('analytics')).toBe(false);
    expect(from({}).isEnabled('profiler')).toBe(false);
    expect(from({ ENABLE_HEAVY_MIDDLEWARE: '1' }).isEnabled('profiler')).toBe(true);
    expect(
      from({ ENABLE_HEAVY_MIDDLEWARE: '1', ENABLE_PERFORMANCE_MONITORING: '0' }).isEnabled(
        'profiler',
      ),
    ).toBe(false);
    expect(from({}).priority('cache')).toBeUndefined();
    expect(from({ RATE_LIMIT_PRIORITY: '7' }).priority('rate-limit')).toBe(7);
    expect(() => from({}).isEnabled('caches')).toThrow('"cache"');
    expect(() => from({}).priority('cahce')).toThrow('"cache"');
  });

  test('the environment becomes a stack: loadConfig, standard, setup', async () => {
    const token = 'a-token-of-some-length';
    const config = from({
      PORT: '0',
      MONITORING_TOKEN: token,
      LOG_LEVEL: 'silent',
      ENABLE_ERRORS: 'no',
      HEALTH_PRIORITY: '6',
    });
    const parts = await standard(config);
    const app = express();
    app.set('trust proxy', config.values.TRUST_PROXY);
    const stack = setup(app, parts, config.setupOptions(parts));
    app.get('/', (req, res) => void res.json({ id: exchangeOf(req, res).id }));
    const server = await stack.listen(config.values.PORT, '127.0.0.1');
    try {
      const { port } = server.address() as AddressInfo;
      const ask = (path: string, headers: Record<string, string> = {}) =>
        fetch(`http://127.0.0.1:${port}${path}`, { headers });
      const answer = await ask('/');
      expect(await answer.json()).toEqual({ id: answer.headers.get('x-request-id') });
      // Ready once every component has said how it is, a moment after the server listens.
      let ready: number;
      do ready = (await ask('/health/ready')).status;
      while (ready !== 200);
      // A forwarded request is nobody's from loopback: it needs the token.
      const far = { 'X-Forwarded-For': '192.0.2.1' };
      const near = { ...far, Authorization: `Bearer ${token}` };
      expect((await ask('/api/middleware/stats', far)).status).toBe(403);
      expect((await ask('/api/middleware/stats', near)).status).toBe(200);
      expect(await (await ask('/health/middleware', far)).json()).not.toHaveProperty('checks');
      expect(await (await ask('/health/middleware', near)).json()).toHaveProperty('checks');
      const rows = stack.explain().rows.map(({ name, state }) => [name, state]);
      expect(rows.slice(0, 2).map(([name]) => name)).toEqual(['shutdown', 'health']);
      expect(rows.map(([name]) => name)).not.toContain('errors');
    } finally {
      await stack.close();
    }
  });

  test('every level of the logs is one that logging takes, by whatever name', async () => {
    const names = ['SILENT', 'FATAL', 'ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE'];
    const others = ['off', 'none', 'crit', 'critical', 'warning', 'notice', 'http', 'verbose'];
    expect(names).toContain(from({ LOG_LEVEL: 'Silly' }).values.LOG_LEVEL);
    for (const level of [...names, ...others]) {
      const config = from({ LOG_LEVEL: level });
      const only = {
        isEnabled: (name: string) => name === 'logging',
        options: config.options.bind(config),
      };
      expect(await standard(only)).toHaveLength(1);
    }
  });

  test('setup takes what it is told of the components at hand, and of no others', async () => {
    const config = from({
      ENABLE_CACHE: 'false',
      ENABLE_RATE_LIMIT: 'false',
      SECURITY_PRIORITY: '7',
      QUEUE_PRIORITY: '3',
      ENABLE_HEAVY_MIDDLEWARE: 'true',
      MONITORING_TOKEN: 'sixteen-characters',
    });
    const step = (): undefined => undefined;
    const parts = [
      defineMiddleware({ name: 'cache', phase: 'reuse', step }),
      [
        defineMiddleware({ name: 'security:headers', phase: 'protect', step }),
        defineMiddleware({ name: 'openapi', phase: 'edge', step }),
      ],
      defineComponent('mine', {}),
    ];
    const options = config.setupOptions(parts);
    expect(options).toEqual({
      disabled: ['cache'],
      priorities: { 'security:headers': 7 },
      allowHeavy: true,
      monitoring: 'sixteen-characters',
    });
    const stack = setup(express(), parts, options);
    const rows = stack.explain().rows.map(({ name, state }) => [name, state]);
    expect(rows).toEqual(
      expect.arrayContaining([
        ['cache', 'off'],
        ['openapi', 'on'],
      ]),
    );
    await stack.close();
  });
});

describe('warnings', () => {
  test('a limit that should be shared and has no Redis', () => {
    expect(codes(from({ ENABLE_DISTRIBUTED_RATE_LIMIT: '1' }))).toEqual([
      'distributed-limit-without-redis',
    ]);
    expect(codes(from({ ENABLE_DISTRIBUTED_RATE_LIMIT: '1', REDIS_URL: 'redis://h' }))).toEqual([]);
    expect(codes(from({ ENABLE_DISTRIBUTED_RATE_LIMIT: '1', ENABLE_RATE_LIMIT: '0' }))).toEqual([
      'distributed-limit-off',
    ]);
  });

  test('trust of every proxy, the more so with a whitelist', () => {
    expect(codes(from({ TRUST_PROXY: 'true' }))).toEqual(['trusts-every-proxy']);
    expect(codes(from({ TRUST_PROXY: '1' }))).toEqual([]);
    expect(codes(from({ TRUST_PROXY: 'true', ENABLE_IP_WHITELIST: 'yes' }))).toEqual([
      'trusts-every-proxy',
      'whitelist-can-be-forged',
    ]);
  });

  test('a cache or coalescing that does not run after authentication', () => {
    const load = (phase: 'protect' | 'reuse' | 'session', env: Record<string, string> = {}) =>
      loadConfig({
        env,
        dotenv: false,
        components: [{ name: 'login', phase, authenticates: true }],
      });
    expect(load('protect').warnings).toEqual([]);
    const late = load('session').warnings;
    expect(late.map(({ names }) => names)).toEqual([
      ['cache', 'login'],
      ['dedup', 'login'],
    ]);
    expect(late[0]!.message).toContain('Move login to the phase "protect"');
    expect(load('session', { ENABLE_CACHE: '0', ENABLE_DEDUP: '0' }).warnings).toEqual([]);
    expect(load('reuse').warnings).toHaveLength(2);
    expect(load('reuse', { LOGIN_PRIORITY: '10' }).warnings).toEqual([]);
    expect(load('reuse', { LOGIN_PRIORITY: '10', CACHE_PRIORITY: '5' }).warnings).toMatchObject([
      { code: 'cache-before-authentication', message: expect.stringContaining('below 5') },
    ]);
    expect(load('session', { ENABLE_LOGIN: '0' }).warnings).toEqual([]);
  });

  test('what is heavy in production, and servers that are missing', () => {
    expect(codes(from({ NODE_ENV: 'production', ENABLE_HEAVY_MIDDLEWARE: '1' }))).toEqual([
      'heavy-in-production',
    ]);
    expect(codes(from({ ENABLE_DB: '1', ENABLE_TASKS: '1' }))).toEqual([
      'database-missing',
      'redis-missing',
    ]);
    expect(codes(from({ ENABLE_TASKS: '1', TASKS_FOLDER: '/var/lib/jobs' }))).toEqual([]);
    expect(codes(from({ ENABLE_TASKS: '1', REDIS_URL: 'redis://h' }))).toEqual([]);
  });
});

describe('settings of one’s own', () => {
  const settings = defineSettings({
    PAGE_SIZE: { type: 'integer', default: 20, min: 1, max: 100, help: 'Rows of a page.' },
    REGIONS: {
      type: 'list',
      default: ['eu'],
      help: 'Regions.',
      feeds: [{ component: 'geo', option: 'regions' }],
    },
    MODE: { type: 'choice', choices: ['fast', 'safe'], help: 'How.' },
    RATIO: { type: 'number', min: 0, max: 1, default: 0.5, help: 'Share.' },
    DAY: {
      type: 'custom',
      expected: 'a date',
      parse: (text) => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(text) : undefined),
      help: 'Since when.',
    },
  });

  test('a parser that throws refuses the value, and what it says of a secret stays inside', () => {
    const parsed = defineSettings({
      KEYS: {
        type: 'custom',
        expected: 'a JSON object',
        parse: (text): unknown => JSON.parse(text),
        secret: true,
        help: 'Keys.',
      },
    });
    const load = (KEYS: string) => loadConfig({ env: { KEYS }, dotenv: false, settings: parsed });
    expect(load('{"a":1}').values.KEYS).toEqual({ a: 1 });
    const { message } = refusal(() => load('hunter2'));
    expect(message).toContain('KEYS (environment) must be a JSON object, but is ***.');
    expect(message).not.toContain('hunter2');
  });

  test('are typed, checked and fed like those of the house', () => {
    const config = loadConfig({
      env: { PAGE_SIZE: '50', REGIONS: 'eu, us,', MODE: 'SAFE', RATIO: '0.25', DAY: '2026-01-02' },
      dotenv: false,
      settings,
      components: [{ name: 'geo' }],
    });
    const size: number = config.values.PAGE_SIZE;
    const mode: 'fast' | 'safe' | undefined = config.values.MODE;
    const day: Date | undefined = config.values.DAY;
    const on: boolean = config.values.ENABLE_GEO;
    expect([size, mode, on, config.values.RATIO]).toEqual([50, 'safe', true, 0.25]);
    expect(day?.toISOString()).toBe('2026-01-02T00:00:00.000Z');
    expect(config.options('geo')).toEqual({ regions: ['eu', 'us'] });
    expect(
      refusal(() => loadConfig({ env: { PAGE_SIZE: '0' }, dotenv: false, settings })).problems,
    ).toMatchObject([
      { name: 'PAGE_SIZE', expected: 'a whole number, at least 1 and at most 100' },
    ]);
  });

  test('cannot redefine a setting, nor be named or preset wrongly', () => {
    const taken = defineSettings({ PORT: { type: 'integer', help: 'Mine.' } });
    expect(() => loadConfig({ settings: taken, env: {}, dotenv: false })).toThrow('"PORT"');
    const rows: [object | null, RegExp][] = [
      [{ type: 'int', help: '' }, /type of "SIZE" must be one of .*, but is int/],
      [null, /type of "SIZE" must be one of .*, but is undefined/],
      [{ type: 'custom', help: '' }, /"SIZE" must have "parse" and "expected"/],
      [{ type: 'choice', help: '' }, /"SIZE" must have "choices"/],
    ];
    for (const [row, message] of rows) {
      const wrong = { SIZE: row as never };
      expect(() => defineSettings(wrong)).toThrow(message);
      // Written without defineSettings, too.
      expect(() => loadConfig({ env: {}, dotenv: false, settings: wrong })).toThrow(message);
    }
    expect(() => defineSettings({ pageSize: { type: 'boolean', help: '' } })).toThrow('PAGE_SIZE');
    expect(() =>
      defineSettings({ SIZE: { type: 'integer', min: 1, default: 0, help: '' } }),
    ).toThrow('at least 1');
  });
});
