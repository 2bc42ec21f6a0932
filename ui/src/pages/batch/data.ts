// What the pages of users, keys and providers ask and change. The three differ in data only.
import { useQuery } from '@tanstack/react-query';
import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';
import { useLanguage } from '../../i18n';

export type Kind = 'users' | 'keys' | 'providers';
export type Item = components['schemas']['ListItem'];
export type Field = components['schemas']['BatchField'];
export type Answer = components['schemas']['BatchAnswer'];
export const BATCH_MAX = 500;

export type ListQuery = { page?: number; pageSize?: number; search?: string; sort?: string } & Record<string, string | number | undefined>;

export const listOf = (kind: Kind, query: ListQuery, signal?: AbortSignal) => {
  const params = { query };
  return kind === 'users' ? ask(api.GET('/api/v1/users', { params, signal }))
    : kind === 'keys' ? ask(api.GET('/api/v1/keys', { params, signal }))
    : ask(api.GET('/api/v1/providers', { params, signal }));
};

export const idsOf = (kind: Kind, query: ListQuery) => {
  const params = { query };
  return kind === 'users' ? ask(api.GET('/api/v1/users:ids', { params }))
    : kind === 'keys' ? ask(api.GET('/api/v1/keys:ids', { params }))
    : ask(api.GET('/api/v1/providers:ids', { params }));
};

export const update = (kind: Kind, ids: number[], updates: Record<string, unknown>, dryRun: boolean): Promise<Answer> =>
  kind === 'users' ? ask(api.POST('/api/v1/users:batchUpdate', { body: { userIds: ids, updates, dryRun } }))
    : kind === 'keys' ? ask(api.POST('/api/v1/keys:batchUpdate', { body: { keyIds: ids, updates, dryRun } }))
    : ask(api.POST('/api/v1/providers:batchUpdate', { body: { providerIds: ids, updates, dryRun } }));

export function useFields(kind: Kind): readonly Field[] {
  const language = useLanguage(); // the labels come in it
  const fields = useQuery({
    queryKey: ['batch-fields', language],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/batch-fields', { signal })),
    staleTime: Infinity,
  });
  return fields.data?.[kind] ?? [];
}
