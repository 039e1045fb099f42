import express from 'express';
import * as fc from 'fast-check';

import { setup } from '@org/setup';

type EntityTag = (body: string | Buffer, encoding?: BufferEncoding) => string;
const tagOf = (app: express.Express): EntityTag => app.get('etag fn') as EntityTag;

describe('entity tags under a stack', () => {
  test("are Express' own, to the letter", () => {
    const plain = tagOf(express());
    const app = express();
    setup(app, []);
    const tag = tagOf(app);
    const text = fc.string({ unit: 'binary', maxLength: 2000 });
    fc.assert(
      fc.property(
        text,
        fc.constantFrom<BufferEncoding>('utf8', 'latin1', 'base64'),
        (body, encoding) => {
          expect(tag(body, encoding)).toBe(plain(body, encoding));
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
        expect(tag(Buffer.from(bytes))).toBe(plain(Buffer.from(bytes)));
      }),
    );
  });

  test.each([['strong'], [false], [() => '"mine"']])(
    'stay as the app has set them: %s',
    (setting) => {
      const before = express();
      before.set('etag', setting);
      const own = tagOf(before);
      setup(before, []);
      expect(tagOf(before)).toBe(own);
      const after = express();
      setup(after, []);
      after.set('etag', setting);
      expect(String(tagOf(after))).toBe(String(own));
    },
  );

  test('are refused for what is no body, as Express refuses it', () => {
    const app = express();
    setup(app, []);
    expect(() => tagOf(app)(5 as never)).toThrow('must be');
  });
});
