/** Faults that reached no error handler, as lines: core publishes them, this listens. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Fault, FAULT_CHANNEL } from '@org/core';

import type { Logger } from './logger.ts';

/** Writes faults to a logger while it listens. */
export class FaultListener {
  /** Faults written since the start. */
  total: number = 0;
  private readonly logger: Logger;
  private listening: boolean = false;

  constructor(logger: Logger) {
    this.logger = logger;
  }

  start(): void {
    if (this.listening) return;
    this.listening = true;
    subscribe(FAULT_CHANNEL, this.onFault);
  }

  stop(): void {
    this.listening = false;
    unsubscribe(FAULT_CHANNEL, this.onFault);
  }

  private readonly onFault = (message: unknown): void => {
    const { error, where, exchange } = message as Fault;
    this.total++;
    const logger = exchange === undefined ? this.logger : this.logger.of(exchange);
    if (error instanceof Error) logger.error(error, { where });
    else logger.error(`fault in ${where}`, { where, err: error });
  };
}
