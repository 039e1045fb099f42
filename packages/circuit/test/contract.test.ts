import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { circuit, type CircuitOptions } from '@org/circuit';

middlewareContract<Partial<CircuitOptions>>('circuit:inbound', {
  factory: (options) => circuit(options).inbound,
  example: { openMs: 1000, routes: { '/reports/:id': { slowCallMs: 500 } } },
  setup,
});
