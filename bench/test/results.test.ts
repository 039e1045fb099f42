import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BENCHES } from '../src/benches.ts';
import { interleave, median, pairedRatio, type Sample } from '../src/round.ts';
import { markdown, table, withResults } from '../src/table.ts';

const samplesOf = (...values: readonly number[]): Sample[] => values.map((cost) => ({ cost }));

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('leaves the values as they were', () => {
    const values = Object.freeze([3, 1, 2]);
    expect(median(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  it('refuses to find one of nothing', () => {
    expect(() => median([])).toThrow('no values');
  });
});

describe('pairedRatio', () => {
  it('compares round by round, so that a machine that slows down changes nothing', () => {
    const ratio = pairedRatio(samplesOf(20, 40, 200), samplesOf(10, 20, 100), 'cost');
    expect(ratio).toEqual({ median: 2, min: 2, max: 2 });
  });

  it('is not the ratio of the medians', () => {
    const ratio = pairedRatio(samplesOf(10, 30, 40), samplesOf(10, 10, 20), 'cost');
    expect(ratio).toEqual({ median: 2, min: 1, max: 3 });
  });

  it('refuses rounds that have no partner, and figures that are not there', () => {
    expect(() => pairedRatio(samplesOf(1, 2), samplesOf(1), 'cost')).toThrow('cannot be paired');
    expect(() => pairedRatio(samplesOf(1), samplesOf(1), 'speed')).toThrow('no figure "speed"');
    expect(() => pairedRatio([], [], 'cost')).toThrow('no values');
  });
});

describe('interleave', () => {
  it('gives each contender its turn in every round, one after the other', async () => {
    const turns: string[] = [];
    let running = 0;
    const samples = await interleave(['a', 'b'], 3, async (name, round) => {
      expect(++running).toBe(1);
      await Promise.resolve();
      turns.push(`${name}${round}`);
      running--;
      return { cost: round };
    });
    expect(turns).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2']);
    expect([...samples]).toEqual([
      ['a', samplesOf(0, 1, 2)],
      ['b', samplesOf(0, 1, 2)],
    ]);
  });

  it('ends with the first turn that fails', async () => {
    const turns: string[] = [];
    const run = interleave(['a', 'b'], 2, (name) => {
      turns.push(name);
      return name === 'b' ? Promise.reject(new Error('bad answers')) : Promise.resolve({});
    });
    await expect(run).rejects.toThrow('bad answers');
    expect(turns).toEqual(['a', 'b']);
  });
});

describe('table', () => {
  const figures = [
    { key: 'cost', title: 'CPU µs', digits: 1 },
    { key: 'speed', title: 'requests/s', digits: 0 },
  ];

  it('has medians with their digits, and ratios to the first', () => {
    const samples = new Map<string, readonly Sample[]>([
      ['bare', [{ cost: 100, speed: 10_000 }]],
      ['whole', [{ cost: 150.26, speed: 5_000 }]],
    ]);
    expect(table(samples, new Map([['bare', 'bare Express']]), figures)).toBe(
      [
        '|              | CPU µs | × first (min–max) | requests/s | × first (min–max) |',
        '| ------------ | -----: | ----------------: | ---------: | ----------------: |',
        '| bare Express |  100.0 |                 1 |     10,000 |                 1 |',
        '| whole        |  150.3 |  1.50 (1.50–1.50) |      5,000 |  0.50 (0.50–0.50) |',
      ].join('\n'),
    );
  });
});

describe('markdown', () => {
  it('pads every cell, numbers to the right', () => {
    expect(
      markdown([
        ['', 'long head'],
        ['name', '1'],
      ]),
    ).toBe('|      | long head |\n| ---- | --------: |\n| name |         1 |');
  });
});

describe('withResults', () => {
  const document = `# Bench

<!-- results:a-node20 -->

old

<!-- /results -->

<!-- results:b-node20 -->

kept

<!-- /results -->
`;

  it('replaces what stands in its place, and nothing else', () => {
    const changed = withResults(document, 'a-node20', 'new $& $1');
    expect(changed).toBe(document.replace('old', () => 'new $& $1'));
    expect(withResults(changed, 'a-node20', 'old')).toBe(document);
  });

  it('refuses a document without its place, or with half of it', () => {
    expect(() => withResults(document, 'a-node22', 'new')).toThrow('no place for results');
    expect(() => withResults('<!-- results:a-node20 -->', 'a-node20', 'new')).toThrow('no place');
  });
});

describe('the README', () => {
  const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
  const variants = BENCHES.flatMap(({ name, kind }) =>
    kind === 'startup' ? [name, `${name}-cold`] : [name],
  );

  it.each(variants.flatMap((name) => [20, 22, 24].map((major) => `${name}-node${major}`)))(
    'has a place for %s',
    (name) => {
      expect(withResults(readme, name, 'new')).toContain(`<!-- results:${name} -->\n\nnew\n\n<!--`);
    },
  );
});

describe('benches', () => {
  it.each(BENCHES)('$name names contenders that exist, once each', ({ name, contenders, kind }) => {
    const servers = contenders.map(({ server }) => server);
    expect(new Set(servers).size).toBe(servers.length);
    // Those whose calls are counted stand in one file.
    const files =
      kind === 'calls' ? [`calls/${name}`] : servers.map((server) => `servers/${server}`);
    for (const file of files) {
      expect(existsSync(join(__dirname, `../src/${file}.ts`))).toBe(true);
    }
  });
});
