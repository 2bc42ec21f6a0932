// The state of the database: asked often while something runs, seldom otherwise.
import { useQuery } from '@tanstack/react-query';
import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';

export type Status = components['schemas']['DatabaseStatus'];
export const STATUS_KEY = ['database-status'] as const;

const IDLE_MS = 15_000, BUSY_MS = 2_000;

export const useStatus = () => useQuery({
  queryKey: STATUS_KEY,
  queryFn: ({ signal }) => ask(api.GET('/api/admin/database/status', { signal })),
  refetchInterval: ({ state }) => (state.data?.lock ? BUSY_MS : IDLE_MS),
});
