/** Values as they may be shown: on a terminal, in an error, in a log. */
import type { Setting } from './setting.ts';

/** What stands where a secret was. */
export const MASK = '***';

/** A value as text, with what is secret masked. `undefined` shows as nothing. */
export function showValue(setting: Setting, value: unknown): string {
  if (value === undefined) return '';
  if (setting.secret !== true) return show(value);
  return setting.type === 'url' && typeof value === 'string' ? maskUrl(value) : MASK;
}

/** A refused value: of a secret nothing at all is shown, because its form is not what was expected. */
export function showRefused(setting: Setting, value: unknown): string {
  return setting.secret === true ? MASK : quote(value);
}

/** A URL without user, password, and parameters, any of which may be a credential. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return MASK;
  const url = new URL(text);
  const credentials = url.username === '' && url.password === '' ? '' : `${MASK}@`;
  const search = url.search === '' ? '' : `?${MASK}`;
  return `${url.protocol}//${credentials}${url.host}${url.pathname}${search}`;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function quote(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  }
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
