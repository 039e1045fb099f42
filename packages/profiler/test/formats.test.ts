/** The formats of a capture, each read back by its own rules. */
import { gunzipSync } from 'node:zlib';
import { Ajv } from 'ajv';
import { assert, property, string } from 'fast-check';
import { Profile } from 'pprof-format';

import { callTree, type CallTree, readProfile } from '../src/call-tree.ts';
import type { Capture } from '../src/capture.ts';
import { diffTable } from '../src/diff.ts';
import { escapeXml, flameGraph } from '../src/flame-graph.ts';
import { pprof } from '../src/pprof.ts';
import { locateAsIs } from '../src/source-maps.ts';
import { speedscope } from '../src/speedscope.ts';
import type { V8CallFrame, V8CpuProfile, V8HeapProfile } from '../src/v8-profile.ts';
import { faultOf } from './well-formed.ts';

const frame = (functionName: string, lineNumber = 0, url = 'file:///app/a.js'): V8CallFrame => ({
  functionName,
  url: functionName.startsWith('(') ? '' : url,
  lineNumber: functionName.startsWith('(') ? -1 : lineNumber,
  columnNumber: functionName.startsWith('(') ? -1 : 4,
});

/** `main` calls `parse` twice, from two places, and `parse` itself; 10 ms are idle. */
const CPU: V8CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 6, 7] },
    { id: 2, callFrame: frame('main', 9), children: [3, 4] },
    { id: 3, callFrame: frame('parse', 19), children: [5] },
    { id: 4, callFrame: frame('parse', 19) },
    { id: 5, callFrame: frame('parse', 19) },
    { id: 6, callFrame: frame('(idle)') },
    { id: 7, callFrame: frame('(garbage collector)') },
  ],
  startTime: 1_000_000,
  endTime: 1_030_000,
  samples: [2, 3, 3, 5, 4, 6, 7],
  timeDeltas: [1000, 2000, 3000, 4000, 1000, 5000, 10_000],
};
// Each sample stands for the time until the next: main 2, parse 3 + 4 + 1 + 5, idle 10, collector 4.

const HEAP: V8HeapProfile = {
  head: {
    callFrame: frame('(root)'),
    selfSize: 0,
    children: [
      {
        callFrame: frame('load', 1),
        selfSize: 100,
        children: [{ callFrame: frame('copy', 2), selfSize: 900, children: [] }],
      },
    ],
  },
};

const bytes = (profile: object): Buffer => Buffer.from(JSON.stringify(profile));

const capture = (kind: 'cpu' | 'heap', profile: object, more: Partial<Capture> = {}): Capture => ({
  id: `${kind}-1`,
  kind,
  cause: 'asked',
  startedAt: Date.UTC(2026, 0, 1),
  durationMs: 30,
  profile: bytes(profile),
  ...more,
});

const treeOf = (one: Capture): CallTree => callTree(readProfile(one), locateAsIs);

describe('a call tree', () => {
  it('gives each sample the time until the next, and leaves idle time out', () => {
    const { root } = treeOf(capture('cpu', CPU));
    expect(root.total).toBe(2000 + 13_000 + 4000);
    const [main, collector] = [...root.children.values()];
    expect(main).toMatchObject({ self: 2000, total: 15_000 });
    expect(main!.frame).toEqual({ name: 'main', file: '/app/a.js', line: 10, column: 5 });
    expect(collector).toMatchObject({
      self: 4000,
      frame: { name: '(garbage collector)', file: '' },
    });
  });

  it('makes one node of what one caller calls from several places', () => {
    const [main] = treeOf(capture('cpu', CPU)).root.children.values();
    expect([...main!.children.values()]).toMatchObject([{ self: 12_000, total: 13_000 }]);
  });

  it('is not thrown off by samples that V8 wrote down out of order', () => {
    const { root } = treeOf(
      capture('cpu', { ...CPU, timeDeltas: [1000, -500, 3000, 4000, 1000, 5000, 10_000] }),
    );
    const [main] = root.children.values();
    expect(main!.self).toBe(0);
  });

  it('of a heap profile counts bytes', () => {
    const { root } = treeOf(capture('heap', HEAP));
    expect(root.total).toBe(1000);
    expect([...root.children.values()]).toMatchObject([{ self: 100, total: 1000 }]);
  });

  it('of nothing is empty', () => {
    const empty = { nodes: [CPU.nodes[0]], startTime: 0, endTime: 0, samples: [], timeDeltas: [] };
    const tree = treeOf(capture('cpu', { ...empty, nodes: [{ ...CPU.nodes[0], children: [] }] }));
    expect(tree.root.total).toBe(0);
    expect(faultOf(flameGraph(tree, 'nothing'))).toBeUndefined();
    expect(JSON.parse(speedscope(tree, 'nothing'))).toMatchObject({ profiles: [{ samples: [] }] });
  });
});

/** What speedscope's file-format-spec.ts asks of a file with sampled profiles. */
const SPEEDSCOPE = {
  type: 'object',
  required: ['$schema', 'shared', 'profiles'],
  properties: {
    $schema: { const: 'https://www.speedscope.app/file-format-schema.json' },
    shared: {
      type: 'object',
      required: ['frames'],
      properties: {
        frames: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name'],
            additionalProperties: false,
            properties: {
              name: { type: 'string' },
              file: { type: 'string' },
              line: { type: 'number' },
              col: { type: 'number' },
            },
          },
        },
      },
    },
    profiles: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'name', 'unit', 'startValue', 'endValue', 'samples', 'weights'],
        additionalProperties: false,
        properties: {
          type: { const: 'sampled' },
          name: { type: 'string' },
          unit: {
            enum: ['none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes'],
          },
          startValue: { type: 'number' },
          endValue: { type: 'number' },
          samples: {
            type: 'array',
            items: { type: 'array', items: { type: 'integer', minimum: 0 } },
          },
          weights: { type: 'array', items: { type: 'number', minimum: 0 } },
        },
      },
    },
    name: { type: 'string' },
    activeProfileIndex: { type: 'integer' },
    exporter: { type: 'string' },
  },
  additionalProperties: false,
};

interface SpeedscopeFile {
  readonly shared: { readonly frames: readonly { readonly name: string }[] };
  readonly profiles: readonly {
    readonly unit: string;
    readonly endValue: number;
    readonly samples: readonly (readonly number[])[];
    readonly weights: readonly number[];
  }[];
}

describe('speedscope', () => {
  const isFile = new Ajv().compile<SpeedscopeFile>(SPEEDSCOPE);

  it.each([
    ['cpu' as const, CPU, 'microseconds', 29_000],
    ['heap' as const, HEAP, 'bytes', 1000],
  ])('of a %s profile is a file of its schema', (kind, profile, unit, whole) => {
    const file: unknown = JSON.parse(speedscope(treeOf(capture(kind, profile)), 'name'));
    expect(isFile(file) ? [] : isFile.errors).toEqual([]);
    const { shared, profiles } = file as SpeedscopeFile;
    const [only] = profiles;
    expect(only!.unit).toBe(unit);
    expect(only!.samples).toHaveLength(only!.weights.length);
    expect(only!.endValue).toBe(whole);
    for (const stack of only!.samples) {
      for (const at of stack) expect(at).toBeLessThan(shared.frames.length);
    }
  });

  it('has the stacks in their order, innermost last, and idle time as none', () => {
    const { shared, profiles } = JSON.parse(
      speedscope(treeOf(capture('cpu', CPU)), 'name'),
    ) as SpeedscopeFile;
    const [{ samples, weights }] = profiles as [SpeedscopeFile['profiles'][number]];
    const stacks = samples.map((stack) => stack.map((at) => shared.frames[at]!.name).join(' '));
    expect(stacks.map((stack, at) => [stack, weights[at]])).toEqual([
      ['main', 2000],
      ['main parse', 7000],
      ['main parse parse', 1000],
      ['main parse', 5000],
      ['', 10_000],
      ['(garbage collector)', 4000],
    ]);
  });
});

describe('pprof', () => {
  async function decoded(one: Capture, period: number): Promise<Profile> {
    return Profile.decode(gunzipSync(await pprof(treeOf(one), one, period)));
  }

  it('is profile.proto, gzipped: types, stacks innermost first, ns', async () => {
    const profile = await decoded(capture('cpu', CPU), 1000);
    const { strings } = profile.stringTable;
    const word = (at: number | bigint): string => strings[Number(at)]!;
    expect(profile.sampleType.map(({ type, unit }) => [word(type), word(unit)])).toEqual([
      ['cpu', 'nanoseconds'],
    ]);
    const functions = new Map(profile.function.map((one) => [Number(one.id), one]));
    const locations = new Map(profile.location.map((one) => [Number(one.id), one]));
    const stacks = profile.sample.map(({ locationId, value }) => [
      locationId
        .map((id) => functions.get(Number(locations.get(Number(id))!.line[0]!.functionId))!)
        .map(({ name }) => word(name))
        .join(' '),
      Number(value[0]),
    ]);
    expect(stacks).toEqual([
      ['main', 2_000_000],
      ['parse main', 12_000_000],
      ['parse parse main', 1_000_000],
      ['(garbage collector)', 4_000_000],
    ]);
    expect(Number(profile.period)).toBe(1_000_000);
    expect(Number(profile.durationNanos)).toBe(30_000_000);
    expect(BigInt(profile.timeNanos)).toBe(BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n);
    const [main] = profile.function;
    expect([word(main!.name), word(main!.filename), Number(main!.startLine)]).toEqual([
      'main',
      '/app/a.js',
      10,
    ]);
  });

  it('of a heap profile has bytes', async () => {
    const profile = await decoded(capture('heap', HEAP), 65_536);
    const { strings } = profile.stringTable;
    const [type] = profile.sampleType;
    expect([strings[Number(type!.type)], strings[Number(type!.unit)]]).toEqual([
      'inuse_space',
      'bytes',
    ]);
    expect(profile.sample.map(({ value }) => Number(value[0]))).toEqual([100, 900]);
  });

  it('names the traces of a stall', async () => {
    const stall = {
      at: 0,
      blockedMs: 400,
      requests: [
        { id: 'r', traceId: 'a'.repeat(32), method: 'GET', durationMs: 1, settled: false },
      ],
    };
    const profile = await decoded(capture('cpu', CPU, { stall }), 1000);
    expect(profile.comment.map((at) => profile.stringTable.strings[Number(at)])).toEqual([
      `trace ${'a'.repeat(32)}`,
    ]);
  });
});

describe('a flame graph', () => {
  it('is well-formed, whatever functions are called', () => {
    assert(
      property(string({ unit: 'binary' }), (name) => {
        const profile = {
          ...CPU,
          nodes: CPU.nodes.map((node) =>
            node.id === 2 ? { ...node, callFrame: frame(`x${name}`, 9) } : node,
          ),
        };
        expect(faultOf(flameGraph(treeOf(capture('cpu', profile)), name))).toBeUndefined();
      }),
    );
  });

  it('cannot be broken out of', () => {
    const text = escapeXml(`</title><script>alert(1)</script> & " ' \u{0} \u{D800}`);
    expect(text).not.toMatch(/[<>"']/);
    expect(text).not.toContain('\u{0}');
    expect(faultOf(`<a b="${text}">${text}</a>`)).toBeUndefined();
  });

  it('has nothing that a strict content security policy would refuse', () => {
    const svg = flameGraph(treeOf(capture('cpu', CPU)), 'title');
    expect(svg).not.toMatch(/<script|<style|style=|href|url\(|on\w+=/i);
  });

  it('is as wide as the shares, and tells of each box what it is', () => {
    const svg = flameGraph(treeOf(capture('cpu', CPU)), 'title');
    const width = (name: string): number =>
      Number(new RegExp(`<title>${name}[^<]*</title><rect [^>]*width="([\\d.]+)"`).exec(svg)?.[1]);
    expect(width('all ')).toBe(1180);
    expect(width('main ') / 1180).toBeCloseTo(15 / 19, 3);
    expect(svg).toContain('<title>main /app/a.js:10 (78.95%, 15.0 ms)</title>');
  });

  it('beside another is coloured by the change of share', () => {
    const slower = { ...CPU, samples: [2, 2, 2, 2, 2, 6, 7] };
    const [before, after] = [treeOf(capture('cpu', CPU)), treeOf(capture('cpu', slower))];
    const svg = flameGraph(after, 'title', before);
    expect(faultOf(svg)).toBeUndefined();
    expect(svg).toMatch(/main \/app\/a\.js:10 \(78\.95%, 15\.0 ms, \+0\.00 points\)/);
    const grown = flameGraph(before, 'title', after);
    expect(grown).toMatch(/parse [^<]*\+68\.42 points\)<\/title><rect [^>]*fill="hsl\(5,/);
  });
});

describe('a flame graph beside one of another release', () => {
  it('finds functions again whose lines have moved', () => {
    const moved = {
      ...CPU,
      nodes: CPU.nodes.map((node) => ({
        ...node,
        callFrame: { ...node.callFrame, lineNumber: node.callFrame.lineNumber + 7 },
      })),
    };
    const [before, after] = [treeOf(capture('cpu', CPU)), treeOf(capture('cpu', moved))];
    const changes = [...flameGraph(after, 'title', before).matchAll(/, (\S+) points\)/g)];
    expect(changes.map(([, change]) => change)).toEqual(changes.map(() => '+0.00'));
    expect(changes).toHaveLength(5);
  });
});

describe('the well-formedness that these tests ask for', () => {
  it.each([
    ['<a><b></a></b>', 'closes something else'],
    ['<a>&nbsp;</a>', 'ampersand'],
    ['<a b="1" b="2"/>', 'attribute twice'],
    ['<a/><b/>', 'second root'],
    ['<a b=1/>', 'no markup'],
    ['<a>\u{1}</a>', 'character'],
    ['<a>', 'not closed'],
  ])('finds the fault of %s', (document, fault) => {
    expect(faultOf(document)).toContain(fault);
  });
});

describe('a difference', () => {
  const rows = (from: V8CpuProfile, to: V8CpuProfile): ReturnType<typeof diffTable> =>
    diffTable(treeOf(capture('cpu', from)), treeOf(capture('cpu', to)), 100);

  it('of a capture to itself, or to one twice as long, is none', () => {
    const longer = {
      ...CPU,
      timeDeltas: CPU.timeDeltas!.map((delta) => delta * 2),
      endTime: CPU.startTime + 60_000,
    };
    for (const to of [CPU, longer]) {
      for (const row of rows(CPU, to)) {
        expect(row.selfChangeRatio).toBeCloseTo(0, 10);
        expect(row.totalChangeRatio).toBeCloseTo(0, 10);
      }
    }
  });

  it('is sorted by the change of self shares, and names what is new and what is gone', () => {
    const renamed = {
      ...CPU,
      nodes: CPU.nodes.map((node) =>
        node.callFrame.functionName === 'parse' ? { ...node, callFrame: frame('read', 3) } : node,
      ),
    };
    const found = rows(CPU, renamed);
    expect(
      found.map(({ name, selfFromRatio, selfToRatio }) => [
        name,
        Math.round(selfFromRatio * 19),
        Math.round(selfToRatio * 19),
      ]),
    ).toEqual([
      ['parse', 13, 0],
      ['read', 0, 13],
      ['main', 2, 2],
      ['(garbage collector)', 4, 4],
    ]);
  });

  it('counts a recursion once, and does not mind lines that have moved', () => {
    const moved = {
      ...CPU,
      nodes: CPU.nodes.map((node) => ({
        ...node,
        callFrame: { ...node.callFrame, lineNumber: node.callFrame.lineNumber + 7 },
      })),
    };
    const parse = rows(CPU, moved).filter(({ name }) => name === 'parse');
    expect(parse).toHaveLength(1);
    expect(parse[0]!.totalFromRatio).toBeCloseTo(13 / 19, 10);
    expect(parse[0]!.totalChangeRatio).toBeCloseTo(0, 10);
  });

  it('is bounded', () => {
    const from = treeOf(capture('cpu', CPU));
    expect(diffTable(from, from, 1)).toHaveLength(1);
  });
});
