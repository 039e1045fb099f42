import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { security, type SecurityOptions } from '@org/security';

middlewareContract<Partial<SecurityOptions>>('security', {
  factory: security,
  example: { headerName: 'X-Took-Ms' },
  setup,
});
