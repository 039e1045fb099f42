import { middlewareContract } from '@org/core/testing';
import { correlation, type CorrelationOptions } from '@org/correlation';
import { setup } from '@org/setup';

const contractFor = (name: string, fixed: Partial<CorrelationOptions>): void =>
  middlewareContract<Partial<CorrelationOptions>>(name, {
    factory: (options) =>
      options === undefined && Object.keys(fixed).length === 0
        ? correlation()
        : correlation({ ...options, ...fixed }),
    example: { header: 'X-Correlation-Id', ids: 'counter', sampleRatio: 0.5 },
    setup,
  });

contractFor('correlation', {});
contractFor('correlation with a context', { context: true });
contractFor('correlation with OpenTelemetry', { openTelemetry: true });
