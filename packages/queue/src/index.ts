export { queue, QUEUE_DEFAULTS, type QueueOptions } from './queue.ts';
