/** One exchange: its waterfall, both messages, what went wrong, and what a replay has changed. */
import { call } from './api.js';
import { button, element, table } from './dom.js';
import { duration, pretty, time, told } from './format.js';
import { waterfall } from './waterfall.js';

/** @import { AnswerChange, ExchangeRecord, KeptBody, KeptError, KeptHeaders, Replay } from '../src/index.ts' */

/**
 * @param {ExchangeRecord} exchange
 * @param {() => Promise<void>} onReplayed
 */
export function exchangeView(exchange, onReplayed) {
  const { id, method, url, at, durationMs, status, request, answer, error, statements } = exchange;
  const replay = button('Replay', async () => {
    await call(`/exchanges/${id}/replay`, { method: 'POST' });
    await onReplayed();
  });
  return element(
    'article',
    { class: 'exchange', 'aria-label': `${method} ${url}` },
    element('h2', {}, `${method} ${url}`),
    element(
      'p',
      { class: 'note' },
      [
        `${status}${answer.aborted ? ', cut off' : ''}`,
        duration(durationMs),
        time(at),
        `route ${exchange.route ?? 'none'}`,
        `request ${exchange.requestId}`,
        ...(exchange.traceId === undefined ? [] : [`trace ${exchange.traceId}`]),
        ...(exchange.fault === undefined ? [] : [`fault ${exchange.fault}`]),
        ...(exchange.mocked ? ['answered from a schema'] : []),
      ].join(' · '),
    ),
    replay,
    ...exchange.replays.map(replayView),
    ...(error === undefined ? [] : [section('Error', element('pre', {}, stackOf(error)))]),
    ...(statements.repeated.length === 0
      ? []
      : [
          section(
            'Repeated statements',
            table(
              `${statements.count} statements in all`,
              ['Times', 'Together', 'Statement', 'Where', 'Advice'],
              statements.repeated.map((one) =>
                element(
                  'tr',
                  {},
                  element('td', { class: 'number' }, String(one.count)),
                  element(
                    'td',
                    { class: 'number' },
                    one.durationMs === undefined ? '–' : duration(one.durationMs),
                  ),
                  element('td', { class: 'code' }, one.text),
                  element('td', { class: 'code' }, one.callSite ?? '–'),
                  element('td', {}, one.suggestion ?? 'Load them by one statement, or by batches.'),
                ),
              ),
            ),
          ),
        ]),
    ...(exchange.spans.length === 0
      ? []
      : [section('Where the time went', waterfall(exchange.spans, durationMs))]),
    section('Request', ...partsOf(request.headers, request.body)),
    section('Answer', ...partsOf(answer.headers, answer.body)),
  );
}

/**
 * @param {KeptHeaders} headers
 * @param {KeptBody | undefined} body
 */
function partsOf(headers, body) {
  const rows = Object.entries(headers).map(([name, value]) =>
    element(
      'tr',
      {},
      element('th', { scope: 'row' }, name),
      element('td', { class: 'code' }, typeof value === 'string' ? value : value.join('\n')),
    ),
  );
  if (body === undefined) return [table('Headers', ['Name', 'Value'], rows)];
  const cut = body.truncated ? `, of which the beginning is kept` : '';
  return [
    table('Headers', ['Name', 'Value'], rows),
    element('p', { class: 'note' }, `${body.mediaType ?? 'Body'}, ${body.bytes} bytes${cut}`),
    element('pre', {}, pretty(body.text, body.mediaType)),
  ];
}

/**
 * @param {KeptError} error
 * @returns {string}
 */
function stackOf({ name, message, stack, cause }) {
  const own = stack ?? `${name}: ${message}`;
  return cause === undefined ? own : `${own}\ncaused by ${stackOf(cause)}`;
}

/** @param {Replay} replay */
function replayView({ at, durationMs, answer, diff, withoutHeaders }) {
  const facts = [
    time(at),
    String(answer.status),
    duration(durationMs),
    ...(diff.masked === 0 ? [] : [`${diff.masked} differences of the moment left out`]),
    ...(diff.incomplete ? ['not all could be compared'] : []),
    ...(withoutHeaders.length === 0 ? [] : [`without ${withoutHeaders.join(', ')}`]),
  ].join(' · ');
  const title = diff.same
    ? 'Replayed: the same'
    : `Replayed: ${diff.changes.length} ${diff.changes.length === 1 ? 'change' : 'changes'}`;
  if (diff.same) return section(title, element('p', { class: 'note' }, facts));
  const rows = diff.changes.map(changeRow);
  return section(
    title,
    element('p', { class: 'note' }, facts),
    table('Changes', ['Where', 'Before', 'After'], rows),
  );
}

/** @param {AnswerChange} change */
function changeRow({ part, at, before, after }) {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, part === 'body' ? at || 'body' : `${part} ${at}`),
    element('td', { class: 'code was' }, told(before)),
    element('td', { class: 'code is' }, told(after)),
  );
}

/**
 * @param {string} title
 * @param {...Node} children
 */
function section(title, ...children) {
  return element('section', {}, element('h3', {}, title), ...children);
}
