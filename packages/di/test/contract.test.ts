import { middlewareContract } from '@org/core/testing';
import { container, di, type DiOptions } from '@org/di';
import { setup } from '@org/setup';

middlewareContract<Partial<DiOptions<unknown, unknown>>>('di', {
  factory: di,
  example: { services: container().value('answer', 42).build() },
  setup,
});
