/**
 * A worker's part in a cluster: it answers what others ask for, and asks for the parts of the
 * others when it is scraped, for as long as the time limit allows. What those had counted that do
 * not answer the primary knows, as of when they last did. Whoever asks meanwhile waits for the same
 * answer.
 */
import cluster, { type Worker } from 'node:cluster';
import { type Cancel, type Clock, report } from '@org/core';

import {
  type Parts,
  tagged,
  type ToPrimary,
  type ToWorker,
  isTagged,
  type What,
} from './cluster-messages.ts';
import type { Family } from './family.ts';

/** Makes this worker's own parts. */
export type MakeParts = { readonly [W in What]: () => Promise<Parts[W]> };

/** The parts of all that answered, this worker's own first. */
export interface Gathered<P> {
  readonly parts: readonly P[];
  /** What workers that have gone, or do not answer, had counted. */
  readonly past: readonly Family[];
  /** Workers that were asked and did not answer in time. */
  readonly silent: number;
}

/** A question under way. */
interface Question {
  readonly parts: unknown[];
  past: readonly Family[];
  /** Workers that have not answered yet; unknown until the primary has asked. */
  open: Set<number> | undefined;
  /** Ends the wait for what is asked: first for the workers, then for what the primary knows of them. */
  cancel: Cancel;
  isLate: boolean;
  settle(): void;
}

export class ClusterPeer {
  private readonly worker: Worker | undefined = cluster.worker;
  private readonly make: MakeParts;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly questions: Map<number, Question> = new Map();
  private readonly underWay: { [W in What]?: Promise<Gathered<Parts[W]>> | undefined } = {};
  private lastId: number = 0;
  private complained: boolean = false;
  private listening: boolean = false;

  constructor(make: MakeParts, clock: Clock, timeoutMs: number) {
    this.make = make;
    this.clock = clock;
    this.timeoutMs = timeoutMs;
  }

  /** Takes part from now on; does nothing in a process that is no worker. */
  start(): void {
    if (this.worker === undefined || this.listening) return;
    this.listening = true;
    // The worker's listeners, unlike those of the process, do not keep it alive.
    this.worker.on('message', this.hear);
    this.tell({ kind: 'join' });
  }

  close(): void {
    this.worker?.off('message', this.hear);
    this.listening = false;
    for (const { settle } of this.questions.values()) settle();
  }

  families(): Promise<Gathered<readonly Family[]>> {
    return (this.underWay.families ??= this.gather('families').finally(() => {
      this.underWay.families = undefined;
    }));
  }

  performance(): Promise<Gathered<Parts['performance']>> {
    return (this.underWay.performance ??= this.gather('performance').finally(() => {
      this.underWay.performance = undefined;
    }));
  }

  private async gather<W extends What>(what: W): Promise<Gathered<Parts[W]>> {
    const own = await this.make[what]();
    if (!this.listening) return { parts: [own], past: [], silent: 0 };
    const id = ++this.lastId;
    return new Promise((resolve) => {
      const question: Question = {
        parts: [],
        past: [],
        open: undefined,
        cancel: this.clock.after(this.timeoutMs, () => this.giveUp(what, id, question)),
        isLate: false,
        settle: () => {
          question.cancel();
          this.questions.delete(id);
          const { parts, past, open } = question;
          if (open === undefined) this.complain();
          resolve({ parts: [own, ...(parts as Parts[W][])], past, silent: open?.size ?? 0 });
        },
      };
      this.questions.set(id, question);
      this.tell({ kind: 'ask', id, what, own });
    });
  }

  /** What those had counted that have not answered must be in the sum all the same. */
  private giveUp(what: What, id: number, question: Question): void {
    if (question.open === undefined || what !== 'families') {
      question.settle();
      return;
    }
    question.isLate = true;
    question.cancel = this.clock.after(this.timeoutMs, question.settle);
    this.tell({ kind: 'late', id, silent: [...question.open] });
  }

  private readonly hear = (raw: unknown): void => {
    if (!isTagged(raw)) return;
    const message = raw as unknown as ToWorker;
    if (message.kind === 'who') this.tell({ kind: 'join' });
    else if (message.kind === 'collect') {
      const { id, what, asker } = message;
      this.make[what]().then(
        (part) => this.tell({ kind: 'part', id, what, asker, part }),
        (error: unknown) => report(error, 'metrics cluster'),
      );
    } else {
      const question = this.questions.get(message.id);
      if (question === undefined) return;
      if (message.kind === 'part') {
        // The primary has been asked for what this one had counted, and would count it again.
        if (question.isLate) return;
        question.parts.push(message.part);
        question.open?.delete(message.from);
      } else question.past = message.past as readonly Family[];
      if (message.kind === 'asked') question.open = new Set(message.others);
      if (message.kind === 'late' || question.open?.size === 0) question.settle();
    }
  };

  private tell(message: ToPrimary): void {
    // A channel that is closing takes nothing: the time limit tells.
    if (this.worker?.isConnected() === true) {
      this.worker.send(tagged(message), undefined, undefined, () => undefined);
    }
  }

  private complain(): void {
    if (this.complained || !this.listening) return;
    this.complained = true;
    report(
      new Error(
        'metrics: the primary of the cluster did not answer; it has to run relayMetrics().',
      ),
      'metrics cluster',
    );
  }
}
