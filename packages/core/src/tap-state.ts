/** What the tap has in hand for one response between its first stage and its last byte. */
import type { Detached } from './abandon.ts';
import type { Holding } from './response-hold.ts';
import type { BodySink, Stages, StreamEncoder } from './stages.ts';

/** @internal */
export class TapState {
  /** Stages in the order in which the request reached their owners. */
  readonly stages: Stages[] = [];
  /** The stages that see the head have run. */
  headRun: boolean = false;
  /** The body as a whole, where `end` brought it in one piece; coded, once that is done. */
  whole: Buffer | undefined = undefined;
  /** The coding of the whole body is under way in the thread pool. */
  coding: Promise<Buffer> | undefined = undefined;
  /** `end` has been called, and the tap holds the rest back: a coding, or an encoder's tail. */
  held: boolean = false;
  /** What the handler has done to the answer while a stage holds it back. */
  holding: Holding | undefined = undefined;
  /** Something else is sent than what the handler writes. */
  replaced: boolean = false;
  /** A precondition decided that the body is not sent. */
  dropped: boolean = false;
  /** Parts of the body were written after the response had been cut off. */
  lost: boolean = false;
  /** Who writes what is not sent will be told to go on. */
  draining: boolean = false;
  /** The handler has been detached from the response. */
  detached: Detached | undefined = undefined;
  /** Where the identity body goes besides the wire. */
  sinks: BodySink[] = [];
  /** Those who have had a whole body, and may want to hear of its coding. */
  captured: readonly BodySink[] = [];
  /** Codes a body that arrives in parts. */
  encoder: StreamEncoder | undefined = undefined;
}
