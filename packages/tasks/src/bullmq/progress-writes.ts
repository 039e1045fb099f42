/**
 * Writes how far jobs have come, one write of a job at a time: two at once may overtake each other
 * on the way, and an old one would stand. What is told meanwhile waits, and only the latest of it
 * is written, so that a job that tells in a loop keeps one write and not a line of them.
 */
import type { ToldProgress } from './envelope.ts';

interface Writing {
  next: ToldProgress | undefined;
  readonly over: Promise<void>;
}

/** Of the jobs of one task that run in this process. */
export class ProgressWrites {
  private readonly write: (id: string, progress: ToldProgress) => Promise<unknown>;
  private readonly onError: (error: unknown) => void;
  private readonly writings: Map<string, Writing> = new Map();

  /** @param write must end, for a job is not over before it */
  constructor(
    write: (id: string, progress: ToldProgress) => Promise<unknown>,
    onError: (error: unknown) => void,
  ) {
    this.write = write;
    this.onError = onError;
  }

  tell(id: string, progress: ToldProgress): void {
    const writing = this.writings.get(id);
    if (writing === undefined) {
      this.writings.set(id, { next: undefined, over: this.writeAll(id, progress) });
    } else {
      writing.next = progress;
    }
  }

  /** Resolves once all that was told of a job is written, or failed to be; absent where nothing is on its way. */
  over(id: string): Promise<void> | undefined {
    return this.writings.get(id)?.over;
  }

  private async writeAll(id: string, first: ToldProgress): Promise<void> {
    let told: ToldProgress | undefined = first;
    while (told !== undefined) {
      await this.write(id, told).catch(this.onError);
      const writing: Writing = this.writings.get(id)!;
      told = writing.next;
      writing.next = undefined;
    }
    this.writings.delete(id);
  }
}
