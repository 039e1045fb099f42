/** An event of a channel, as it is sent: made once, and shared by all who get it. */
export interface Entry {
  readonly offset: number;
  /** The whole frame; nobody may change it. */
  readonly frame: Buffer;
  /** What it replaces in a queue that conflates: a later event of the same key. */
  readonly key: string | undefined;
}
