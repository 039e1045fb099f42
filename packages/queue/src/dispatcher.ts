/**
 * When waiting work begins: in the check phase of the event loop, after everything that has
 * arrived has been seen. A poll phase that runs work as it reads it serves the oldest bytes
 * in the kernel's buffers, refuses nobody and cannot know who has left. So of work that
 * fills the processor one begins per turn of the loop, and in between the loop gets to
 * refuse and to skip; of work that only waits for others, as many as take no longer.
 */

/** How much work may begin in one turn of the loop, in ms of processor time. */
const TURN_BUDGET_MS = 2;
/** The most that begin in one turn. */
const MAX_PER_TURN = 64;
/** Weight of the last turn in what beginning one costs. */
const LEARNING_RATIO = 0.2;

/** What a dispatcher works with. */
export interface DispatcherOptions {
  /** Begins one; false when there is nobody, or no room. */
  readonly begin: () => boolean;
  /** The time, in monotonic ms. */
  readonly now: () => number;
  /** Calls later, once everything that has arrived has been seen. */
  readonly defer: (task: () => void) => void;
}

export class Dispatcher {
  private readonly options: DispatcherOptions;
  private awake: boolean = false;
  /** What beginning one costs, in ms; one per turn until that is known. */
  private beginMs: number = TURN_BUDGET_MS;
  private turnOpen: boolean = false;
  private turnStartMs: number = 0;
  private begunMs: number = 0;
  private begun: number = 0;

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  /** Has those who wait begin, as far as there is room. */
  wake(): void {
    if (this.awake) return;
    this.awake = true;
    this.options.defer(this.run);
  }

  /**
   * Whether one who has just arrived may begin at once: as long as this turn of the loop has
   * not spent its budget on others who did.
   */
  mayBegin(nowMs: number): boolean {
    if (!this.turnOpen) {
      this.turnOpen = true;
      this.turnStartMs = nowMs;
      this.options.defer(this.endTurn);
    }
    return nowMs - this.turnStartMs < TURN_BUDGET_MS;
  }

  private readonly endTurn = (): void => {
    this.turnOpen = false;
  };

  private readonly run = (): void => {
    this.awake = false;
    const { begin, now } = this.options;
    const most = Math.max(1, Math.min(MAX_PER_TURN, Math.floor(TURN_BUDGET_MS / this.beginMs)));
    this.begunMs = now();
    this.begun = 0;
    while (this.begun < most && begin()) this.begun++;
    if (this.begun === 0) return;
    // What was begun runs in microtasks; a tick that one of them asks for comes after all of them.
    queueMicrotask(this.afterMicrotasks);
    if (this.begun === most) this.wake();
  };

  private readonly afterMicrotasks = (): void => process.nextTick(this.learn);

  private readonly learn = (): void => {
    const spentMs = (this.options.now() - this.begunMs) / this.begun;
    this.beginMs += (spentMs - this.beginMs) * LEARNING_RATIO;
  };
}
