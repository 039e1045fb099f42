/**
 * The state of the pool for operators: `GET /api/middleware/database-pool`. It stands at the edge:
 * when every request waits for the database, this one must not.
 */
import {
  answerProblem,
  HANDLED,
  type MonitoringAccess,
  monitoringGuard,
  ProblemError,
  type Step,
} from '@org/core';

/** Answers requests for `path` with what `document` tells, and leaves others alone. */
export function poolRoute(
  path: string,
  access: MonitoringAccess | undefined,
  document: () => object,
): Step {
  const mayLookInside = monitoringGuard(access);

  return (exchange) => {
    const { req, res } = exchange;
    const { url } = req;
    if (!url.startsWith(path)) return undefined;
    if (url.length !== path.length && url[path.length] !== '?') return undefined;
    exchange.route = `${req.baseUrl ?? ''}${path}`;
    if (!mayLookInside(req)) answerProblem(res, closed());
    else if (req.method !== 'GET' && req.method !== 'HEAD') answerProblem(res, notAllowed());
    else {
      const body = JSON.stringify(document());
      res.statusCode = 200;
      res.setHeader('Content-Type', 'application/json');
      res.setHeader('Cache-Control', 'no-store');
      res.setHeader('Content-Length', Buffer.byteLength(body));
      res.end(req.method === 'HEAD' ? undefined : body);
    }
    return HANDLED;
  };
}

function closed(): ProblemError {
  return new ProblemError({
    code: 'ERR_MONITORING_CLOSED',
    status: 403,
    detail: 'This route is open to loopback callers and to callers with the monitoring token.',
  });
}

function notAllowed(): ProblemError {
  return new ProblemError({
    code: 'ERR_METHOD_NOT_ALLOWED',
    status: 405,
    detail: 'GET tells the state of the pool.',
    headers: { Allow: 'GET, HEAD' },
  });
}
