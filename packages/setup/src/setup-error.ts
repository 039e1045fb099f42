/** A stack that cannot be assembled: who is at odds with whom, and what mends it. */
export class SetupError extends Error {
  readonly code: 'ERR_SETUP' = 'ERR_SETUP';

  constructor(message: string, options?: ErrorOptions) {
    super(`setup: ${message}`, options);
    this.name = 'SetupError';
  }
}
