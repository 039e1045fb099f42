export { security, SECURITY_DEFAULTS, type SecurityOptions } from './security.ts';
