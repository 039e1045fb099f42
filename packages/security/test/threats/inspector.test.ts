import { array, assert, constantFrom, oneof, property, string } from 'fast-check';
import {
  compileInspector,
  type FieldKind,
  type Finding,
  type Strictness,
  THREATS,
} from '@org/security';
import { ATTACKS, ORDINARY } from './corpus.ts';

const place = { part: 'query', name: 'q' } as const;

function findings(value: string, strictness: Strictness = 2, kind?: FieldKind): readonly Finding[] {
  return compileInspector({ strictness, threats: new Set(THREATS) }).inspect(place, value, kind);
}

const classes = (value: string): readonly string[] => findings(value).map(({ threat }) => threat);

describe('an attack is found', () => {
  for (const [threat, values] of Object.entries(ATTACKS)) {
    test.each(values)(`${threat}: %j`, (value) => {
      expect(classes(value)).toContain(threat);
    });
  }
});

describe('what only looks like an attack passes', () => {
  test.each(ORDINARY)('%j', (value) => {
    expect(findings(value)).toEqual([]);
  });
});

describe('a finding', () => {
  it('names class, rule, place, excerpt and the evidence that its score sums up', () => {
    const [finding] = findings(`7' or 'red'='red`);
    expect(finding).toMatchObject({ threat: 'sqli', rule: 'sqli-tautology', place, score: 10 });
    expect(finding!.excerpt).toContain(`or 'red'`);
    const sum = finding!.evidence.reduce((total, { score }) => total + score, 0);
    expect(finding!.score).toBe(Math.min(10, sum));
    for (const { rule } of finding!.evidence) expect(rule).toMatch(/^sqli-[a-z-]+$/);
  });

  it('shows an excerpt of bounded length without control characters', () => {
    const [finding] = findings(
      `${'a'.repeat(500)}\u001b[31m<script>x()</script>\u202e${'b'.repeat(500)}`,
    );
    expect(finding!.excerpt.length).toBeLessThanOrEqual(82);
    // oxlint-disable-next-line no-control-regex
    expect(finding!.excerpt).not.toMatch(/[\u0000-\u001f\u202a-\u202e]/);
  });
});

describe('strictness', () => {
  it('finds no less the stricter it is', () => {
    for (const value of [...ORDINARY, ...Object.values(ATTACKS).flat()]) {
      const found = ([1, 2, 3, 4] as const).map((level) => findings(value, level).length);
      expect(found).toEqual(found.toSorted((one, other) => one - other));
    }
  });

  it('lets a weak sign pass by default, and not at the strictest', () => {
    expect(findings('alert(1)', 2)).toEqual([]);
    expect(findings('AND true', 1)).toEqual([]);
    expect(findings('AND true', 2)).toHaveLength(1);
    expect(findings('x <meta charset=x> y', 2)).toEqual([]);
    expect(findings('x <meta charset=x> y', 4)).toHaveLength(1);
  });
});

describe('fields', () => {
  it('may hold markup where they are declared html, and still no traversal', () => {
    expect(findings('<style>p{}</style><svg></svg>', 2, 'html')).toEqual([]);
    expect(findings('../../../etc/passwd', 2, 'html')).toHaveLength(1);
  });

  it('may hold source where they are declared code', () => {
    expect(findings(`SELECT * FROM users WHERE id = 1 OR 1=1; rm -rf /tmp/x`, 2, 'code')).toEqual(
      [],
    );
    expect(findings('rm -rf /tmp/x; <script>a()</script>', 2, 'code')).toEqual([]);
  });

  it('ask for more evidence where they are declared text', () => {
    const value = '<iframe src=x>';
    expect(findings(value, 2, 'text')).toEqual([]);
    expect(findings(value, 2)).toHaveLength(1);
  });
});

describe('classes', () => {
  it('that are off are not looked for', () => {
    const inspector = compileInspector({ strictness: 2, threats: new Set(['xss']) });
    expect(inspector.inspect(place, `7' or '1'='1`)).toEqual([]);
    expect(inspector.inspect(place, `<script>x()</script>`)).toHaveLength(1);
    expect(inspector.inspectName('query', 'a[$ne]')).toEqual([]);
  });
});

describe('names', () => {
  const inspector = compileInspector({ strictness: 2, threats: new Set(THREATS) });

  test.each(['password[$ne]', '$where', 'a.$gt', 'filter[$regex]'])('operator %s', (name) => {
    expect(inspector.inspectName('query', name).map(({ threat }) => threat)).toEqual(['nosql']);
  });

  test.each([
    '__proto__[admin]',
    'a[__proto__][b]',
    'constructor[prototype][x]',
    'constructor.prototype',
  ])('prototype %s', (name) => {
    expect(inspector.inspectName('query', name).map(({ threat }) => threat)).toEqual(['pollution']);
  });

  test.each(['$filter', '$top', 'price$', 'proto', 'constructor', 'user.name', 'items[]'])(
    'ordinary %s',
    (name) => {
      expect(inspector.inspectName('query', name)).toEqual([]);
    },
  );
});

describe('any value', () => {
  const fragments = constantFrom(
    "'",
    '"',
    '`',
    '<',
    '>',
    '&',
    '%',
    '%25',
    '%u00',
    '\\',
    '\\u00',
    '${',
    '{{',
    '}}',
    '<%',
    '$(',
    '/*',
    '*/',
    '--',
    '#',
    ';',
    '|',
    '../',
    '..\\',
    'union',
    ' select ',
    ' or ',
    '1=1',
    '<a ',
    'on',
    'onload=',
    'style=',
    'javascript:',
    'http://',
    '[::',
    'cat',
    '\0',
    '\r\n',
    '&#x',
    '&lt',
    '\ud800',
    'ﷺ',
    '+ADw-',
  );
  const nasty = array(oneof(fragments, string({ unit: 'binary', maxLength: 6 })), {
    maxLength: 40,
  }).map((parts) => parts.join(''));

  it('is inspected without an error, with scores in bounds, and twice the same', () => {
    assert(
      property(nasty, (value) => {
        const found = findings(value, 4);
        for (const { score, excerpt } of found) {
          expect(score).toBeGreaterThanOrEqual(3);
          expect(score).toBeLessThanOrEqual(10);
          expect(excerpt.length).toBeLessThanOrEqual(82);
        }
        expect(findings(value, 4)).toEqual(found);
      }),
      { numRuns: 400 },
    );
  });

  it('of words and numbers only is never a threat', () => {
    const word = constantFrom(
      'apple',
      'Berg',
      'Zoë',
      'союз',
      '7',
      '1950',
      'of',
      'the',
      'blue',
      'house',
      'and',
      'from',
    );
    assert(
      property(array(word, { maxLength: 12 }), (parts) => {
        expect(findings(parts.join(' '))).toEqual([]);
      }),
    );
  });
});
