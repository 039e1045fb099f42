/**
 * Bodies of answers, which come after the call has its result. Those that nobody reads are given
 * back, or their socket is lost to the others; those that somebody reads keep what can abort them.
 */

/** Whether a result is an answer as `fetch` gives it, whoever made its class. */
export function isAnswer(result: unknown): result is Response {
  if (typeof result !== 'object' || result === null) return false;
  const { status, headers } = result as Partial<Response>;
  return typeof status === 'number' && typeof headers?.get === 'function';
}

/** Bytes that are read to the end, so that the socket serves the next request; of more the rest is cancelled. */
const MAX_DRAINED_BYTES = 65_536;

/** Gives a result's body back, if it has one. What is called ends that, if it has not ended. */
export function discard(result: unknown): () => void {
  if (!hasBody(result) || result.body.locked) return () => {};
  const reader = result.body.getReader();
  let done = false;
  const cancel = (): void => {
    if (done) return;
    done = true;
    reader.cancel().catch(() => {});
  };
  const drain = async (): Promise<void> => {
    let bytes = 0;
    while (!done) {
      const chunk = await reader.read();
      if (chunk.done) return void (done = true);
      bytes += chunk.value.byteLength;
      if (bytes > MAX_DRAINED_BYTES) cancel();
    }
  };
  // It has failed already, and how its body ends is of no interest.
  drain().catch(() => void (done = true));
  return cancel;
}

/** Something to let go of. */
export interface Held {
  release(): void;
}

/** Lets things go with the bodies that they are for. */
export class BodyKeeper {
  private readonly registry: FinalizationRegistry<Held> = new FinalizationRegistry((held) =>
    held.release(),
  );

  /**
   * Releases once nobody can read the result any more: now, or, where it is an answer with a body
   * to come, when that body is forgotten, which `held` must therefore not lead to.
   */
  releaseAfter(result: unknown, held: Held): void {
    if (hasBody(result)) this.registry.register(result.body, held);
    else held.release();
  }
}

function hasBody(result: unknown): result is { readonly body: ReadableStream<Uint8Array> } {
  return isAnswer(result) && result.body instanceof ReadableStream;
}
