// What the pages of users, keys and providers ask and change. The three differ in data only: their addresses and the names of
// ids are made from the kind, with the types of the users' ones.
import { useQuery } from '@tanstack/react-query';
import { addressOf, api, ask } from '../../api/client';
import { errorOf } from '../../api/error';
import type { components } from '../../api/schema';
import { useLanguage } from '../../i18n';
import { language } from '../../i18n/text';

export type Kind = 'users' | 'keys' | 'providers';
export type Item = components['schemas']['ListItem'];
export type Field = components['schemas']['BatchField'];
export type Operation = components['schemas']['BatchOperation'];
export type FileAnswer = components['schemas']['FileImport'];
export const BATCH_MAX = 500;

const MEMBERS = {
  users: { ids: 'userIds', id: 'userId', name: 'userName', exclude: 'excludeUserIds' },
  keys: { ids: 'keyIds', id: 'keyId', name: 'keyName', exclude: 'excludeKeyIds' },
  providers: { ids: 'providerIds', id: 'providerId', name: 'providerName', exclude: 'excludeProviderIds' },
} as const;

const pathOf = <Rest extends string>(kind: Kind, rest: Rest) => `/api/v1/${kind}${rest}` as `/api/v1/users${Rest}`;

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

export type ListQuery = { page?: number; pageSize?: number; search?: string; sort?: string; ids?: string } & Record<string, string | number | undefined>;

const LIST_MAX = 500; // the API gives at once

const partOf = (kind: Kind, query: ListQuery, signal?: AbortSignal) =>
  ask(api.GET(pathOf(kind, ''), { params: { query }, signal }));

/** A page of the list, of any size: a large one comes in parts, beside each other. */
export async function listOf(kind: Kind, { page = 1, pageSize = 50, ...query }: ListQuery, signal?: AbortSignal) {
  if (pageSize <= LIST_MAX)
    return partOf(kind, { ...query, page, pageSize }, signal);
  const parts = Math.ceil(pageSize / LIST_MAX), before = (page - 1) * parts;
  const part = (number: number) => partOf(kind, { ...query, page: before + number, pageSize: LIST_MAX }, signal);
  const first = await part(1);
  const count = Math.min(parts, Math.ceil(first.total / LIST_MAX) - before);
  const others = await Promise.all(Array.from({ length: Math.max(0, count - 1) }, (_, i) => part(i + 2)));
  return { ...first, items: [first, ...others].flatMap(({ items }) => items) };
}

export const idsOf = (kind: Kind, query: ListQuery) => ask(api.GET(pathOf(kind, ':ids'), { params: { query } }));

export function useFields(kind: Kind): readonly Field[] {
  const language = useLanguage(); // the labels come in it
  const fields = useQuery({
    queryKey: ['batch-fields', language],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/batch-fields', { signal })),
    staleTime: Infinity,
  });
  return fields.data?.[kind] ?? [];
}

/* ---- Patches ----------------------------------------------------------------------------------------------------- */

export type Change = { set: unknown } | { clear: true } | { add: unknown } | { remove: unknown };
export type Patch = Record<string, Change>;

/** One cell that a preview is about. */
export interface Cell {
  id: number;
  name: string;
  field: string; // by either name
  status: 'changed' | 'unchanged' | 'skipped';
  before: unknown;
  after: unknown;
  skipReason?: string;
}

export interface Preview {
  token: string;
  revision: string;
  cells: Cell[];
}

export async function previewPatch(kind: Kind, ids: number[], patch: Patch): Promise<Preview> {
  const names = MEMBERS[kind];
  const answer = await ask(api.POST(pathOf(kind, ':batchPatch:preview'), { body: { [names.ids]: ids, patch } as never }));
  return {
    token: answer.previewToken,
    revision: answer.previewRevision,
    cells: answer.rows.map((row) => ({ ...row, id: row[names.id] as number, name: row[names.name] as string, before: row.before, after: row.after })),
  };
}

export const applyPatch = (kind: Kind, ids: number[], patch: Patch, { token, revision }: Preview, exclude: number[]) =>
  ask(api.POST(pathOf(kind, ':batchPatch:apply'), {
    body: {
      previewToken: token, previewRevision: revision, [MEMBERS[kind].ids]: ids, patch, [MEMBERS[kind].exclude]: exclude,
      idempotencyKey: token, // a second click, or a lost answer that is asked for again, has one effect
    } as never,
  }));

export const deleteProviders = (ids: number[]) => ask(api.POST('/api/v1/providers:batchDelete', { body: { providerIds: ids } }));

/* ---- Taking back ------------------------------------------------------------------------------------------------- */

export type Undoable = Pick<Operation, 'operationId' | 'undoToken'> & { kind: Kind; action: 'patch' | 'delete' };

export async function undo({ kind, action, operationId, undoToken }: Undoable) {
  const body = { operationId, undoToken };
  if (action === 'delete') {
    const { restoredCount, skipped } = await ask(api.POST('/api/v1/providers:undoDelete', { body }));
    return { count: restoredCount, skipped };
  }
  const { revertedCount, skipped } = await ask(api.POST(pathOf(kind, ':undoPatch'), { body }));
  return { count: revertedCount, skipped };
}

export const operationsOf = (kind: Kind, page: number, signal?: AbortSignal) =>
  ask(api.GET('/api/v1/batch-operations', { params: { query: { kind, page, pageSize: 20 } }, signal }));

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/** The address of a file with the rows that the query chooses; the browser downloads it itself. */
export function exportAddress(kind: Kind, format: 'csv' | 'json', query: ListQuery) {
  const params = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '')
      params.set(name, String(value));
  return addressOf(`/api/v1/${kind}:export?${params.toString()}`);
}

/** The text goes as it is: the typed client would make JSON of it. */
export async function importFile(kind: Kind, file: File, options: { dryRun: boolean; chunk: boolean }): Promise<FileAnswer> {
  const params = new URLSearchParams({ dryRun: String(options.dryRun), chunk: String(options.chunk) });
  const answer = await fetch(addressOf(`/api/v1/${kind}:import?${params.toString()}`), {
    method: 'POST',
    body: file,
    headers: { 'Content-Type': file.name.endsWith('.json') ? 'application/json' : 'text/csv', 'Accept-Language': language() },
  });
  const body: unknown = await answer.json().catch(() => undefined);
  if (!answer.ok)
    throw errorOf(answer.status, body, answer.headers.get('X-Request-Id') ?? undefined);
  return body as FileAnswer;
}
