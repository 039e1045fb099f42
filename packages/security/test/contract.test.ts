import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import {
  csrf,
  type CsrfOptions,
  headers,
  type HeadersOptions,
  reputation,
  type ReputationOptions,
  sanitise,
  type SanitiseOptions,
  security,
  type SecurityOptions,
} from '@org/security';

middlewareContract<Partial<SecurityOptions>>('security', {
  factory: security,
  example: { headers: { preset: 'site' }, csrf: true, threatThreshold: 3, deny: ['192.0.2.0/24'] },
  setup,
});

middlewareContract<Partial<HeadersOptions>>('security:headers', {
  factory: headers,
  example: { preset: 'site', nonce: true, reportingEndpoints: { csp: 'https://example.com/r' } },
  setup,
});

middlewareContract<Partial<ReputationOptions>>('security:reputation', {
  factory: reputation,
  example: { threshold: 3, deny: ['192.0.2.0/24'], allow: ['2001:db8::/32'] },
  setup,
});

middlewareContract<Partial<CsrfOptions>>('security:csrf', {
  factory: csrf,
  example: { trustedOrigins: ['https://app.example.com'], unknown: 'refuse' },
  setup,
});

middlewareContract<Partial<SanitiseOptions>>('security:sanitise', {
  factory: sanitise,
  example: { duplicates: 'error', repeatable: ['tag'] },
  setup,
});
