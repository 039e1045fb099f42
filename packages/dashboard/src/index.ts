export { type Dashboard, dashboard } from './dashboard.ts';
export { DASHBOARD_DEFAULTS, type DashboardOptions } from './options.ts';
