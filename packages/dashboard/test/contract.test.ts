import { middlewareContract } from '@org/core/testing';
import { setup } from '@org/setup';
import { dashboard, type DashboardOptions } from '@org/dashboard';

middlewareContract<Partial<DashboardOptions>>('dashboard', {
  factory: dashboard,
  example: { path: '/ops/dashboard', title: 'Trips', access: 'a token of some length' },
  setup,
});
