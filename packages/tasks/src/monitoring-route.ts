/** The operators' routes: `GET` shows the numbers, the schedules and the latest dead jobs, `POST` has one tried again or forgotten. */
import { type MonitoringAccess, monitoringRoutes, type Step } from '@org/core';

import { deadUnknown } from './refusals.ts';

/** What the routes show and do. */
export interface TasksDesk {
  document(): Promise<object>;
  replay(id: string): Promise<boolean>;
  discard(id: string): Promise<boolean>;
}

/** Answers requests for `path` and for dead jobs below it, and leaves others alone. */
export function monitoringRoute(
  path: string,
  access: MonitoringAccess | undefined,
  desk: TasksDesk,
): Step {
  const deal = (act: (id: string) => Promise<boolean>) => ({
    async POST({ params: { id } }: { readonly params: Readonly<Record<string, string>> }) {
      if (!(await act(id!))) throw deadUnknown();
      return undefined;
    },
  });
  return monitoringRoutes(
    {
      [path]: { GET: () => desk.document() },
      [`${path}/dead/:id/replay`]: deal(desk.replay),
      [`${path}/dead/:id/discard`]: deal(desk.discard),
    },
    access,
  );
}
