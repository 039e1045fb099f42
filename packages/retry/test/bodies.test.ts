import { discard } from '../src/bodies.ts';

/** An answer of so many parts of 16 KiB; says how many were taken, and whether the rest was cancelled. */
function answerOf(parts: number) {
  const state = { taken: 0, cancelled: false, ended: false };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise(setImmediate);
      if (state.taken === parts) {
        state.ended = true;
        controller.close();
      } else {
        state.taken++;
        controller.enqueue(new Uint8Array(16_384));
      }
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { answer: new Response(body), state };
}

test('a short body is read to the end, and ending that then does nothing', async () => {
  const { answer, state } = answerOf(4);
  const stop = discard(answer);
  while (!state.ended) await new Promise(setImmediate);
  stop();
  expect(state).toEqual({ taken: 4, cancelled: false, ended: true });
});

test('of a long one no more than 64 KiB and what was under way', async () => {
  const { answer, state } = answerOf(100);
  discard(answer);
  while (!state.cancelled && !state.ended) await new Promise(setImmediate);
  expect(state.cancelled).toBe(true);
  expect(state.taken).toBeLessThanOrEqual(6);
});

test('what has no body, or one that somebody reads, is left alone', async () => {
  const read = new Response('read');
  const text = read.text();
  for (const one of [read, new Response(null), 'text', undefined, { status: 200 }]) discard(one)();
  await expect(text).resolves.toBe('read');
});
