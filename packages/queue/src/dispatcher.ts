/**
 * When waiting work begins: in the check phase of the event loop, after everything that has
 * arrived has been seen. A poll phase that runs work as it reads it serves the oldest bytes
 * in the kernel's buffers, refuses nobody and cannot know who has left. So of work that
 * fills the processor one begins per turn of the loop, and in between the loop gets to
 * refuse and to skip; of work that only waits for others, as many as take no longer. Timers
 * come right after the check phase, and nothing new has been read then: who waits for the room
 * that they make begins at once, and does not lose a turn, which may be long.
 */

/** How much work may begin in one turn of the loop, in ms of processor time. */
const TURN_BUDGET_MS = 2;
/** The most that begin in one turn. */
const MAX_PER_TURN = 64;
/** Weight of the last ones in what beginning one costs. */
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
  /** The next check phase has been asked for. */
  private deferred: boolean = false;
  /** Somebody is to begin in it. */
  private awake: boolean = false;
  /** Somebody has arrived since the last one, first at `arrivedMs`. */
  private arrived: boolean = false;
  private arrivedMs: number = 0;
  /** How many have begun since. */
  private begun: number = 0;
  /** What beginning one costs, in ms; one per turn until that is known. */
  private beginMs: number = TURN_BUDGET_MS;
  /** When the last ones began, in monotonic ms, and how many they were. */
  private lastMs: number = 0;
  private last: number = 1;

  constructor(options: DispatcherOptions) {
    this.options = options;
  }

  /** Has those who wait begin, as far as there is room. */
  wake(): void {
    this.awake = true;
    this.deferCheck();
  }

  /**
   * Room has been made for those who wait: they begin at once where nobody has arrived since the
   * last check phase, and in the next one otherwise.
   */
  roomMade(): void {
    if (this.arrived) this.wake();
    else this.beginSome();
  }

  /**
   * Whether one who has just arrived may begin at once: as long as this turn of the loop has
   * not spent its budget on others who did.
   */
  mayBegin(nowMs: number): boolean {
    if (!this.arrived) {
      this.arrived = true;
      this.arrivedMs = nowMs;
      this.deferCheck();
    }
    return nowMs - this.arrivedMs < TURN_BUDGET_MS;
  }

  private deferCheck(): void {
    if (this.deferred) return;
    this.deferred = true;
    this.options.defer(this.check);
  }

  private readonly check = (): void => {
    this.deferred = this.arrived = false;
    this.begun = 0;
    if (!this.awake) return;
    this.awake = false;
    this.beginSome();
  };

  private beginSome(): void {
    const { begin, now } = this.options;
    const most = Math.max(1, Math.min(MAX_PER_TURN, Math.floor(TURN_BUDGET_MS / this.beginMs)));
    const before = this.begun;
    const startMs = now();
    while (this.begun < most && begin()) this.begun++;
    if (this.begun >= most) this.wake();
    if (this.begun === before) return;
    this.lastMs = startMs;
    this.last = this.begun - before;
    // What was begun runs in microtasks; a tick that one of them asks for comes after all of them.
    queueMicrotask(this.afterMicrotasks);
  }

  private readonly afterMicrotasks = (): void => process.nextTick(this.learn);

  private readonly learn = (): void => {
    const spentMs = (this.options.now() - this.lastMs) / this.last;
    this.beginMs += (spentMs - this.beginMs) * LEARNING_RATIO;
  };
}
