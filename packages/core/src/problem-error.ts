/**
 * Errors as the house speaks them: a stable `code` to test by, the HTTP status,
 * and whether the text may be shown. They map one to one to RFC 9457 documents.
 */

/** What an error states about itself. */
export interface ProblemInit {
  /** Stable and machine-readable, such as `ERR_RATE_LIMITED`. Guards test by it. */
  readonly code: string;
  /** HTTP status. @default 500 */
  readonly status?: number;
  /** What happened this time and what the caller can do, for the caller's eyes. */
  readonly detail: string;
  /** Whether `detail` may be shown to clients. @default status < 500 */
  readonly expose?: boolean;
  /** URI of the problem type (RFC 9457 §3.1.1). @default "about:blank" */
  readonly type?: string;
  /** Short summary of the type; the status' reason phrase when absent. */
  readonly title?: string;
  /** Headers that belong to the answer, such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Extension members of the problem document (RFC 9457 §3.2); always shown. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error that knows how to be answered. */
export class ProblemError extends Error {
  readonly code: string;
  readonly status: number;
  readonly expose: boolean;
  readonly type: string;
  readonly title: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(init: ProblemInit) {
    super(init.detail, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'ProblemError';
    this.code = init.code;
    this.status = init.status ?? 500;
    this.expose = init.expose ?? this.status < 500;
    this.type = init.type ?? 'about:blank';
    this.title = init.title;
    this.headers = init.headers ?? {};
    this.extensions = init.extensions ?? {};
  }

  /** Express' own name for `status`, for tools that look for it. */
  get statusCode(): number {
    return this.status;
  }
}

/** Whether `error` carries this code, whichever copy of core made it. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === code;
}
