// What the prices page asks and changes.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';

export type ModelPrice = components['schemas']['ModelPrice'];
export type ImportResult = components['schemas']['PriceImportResult'];
export type PriceChange = components['schemas']['PriceChange'];

/** Which prices have a field of their own, and how many places per-token prices are shifted by to be shown. */
export const TOKEN_PRICES = [
  ['input_cost_per_token', 'inputCostPerToken', 'input'],
  ['output_cost_per_token', 'outputCostPerToken', 'output'],
  ['cache_read_input_token_cost', 'cacheReadInputTokenCost', 'cacheRead'],
  ['cache_creation_input_token_cost', 'cacheCreationInputTokenCost', 'cacheWrite'],
  ['cache_creation_input_token_cost_above_1hr', 'cacheCreationInputTokenCostAbove1hr', 'cacheWrite1h'],
] as const;
export const UNIT_PRICES = [
  ['input_cost_per_request', 'inputCostPerRequest', 'perRequest'],
  ['output_cost_per_image', 'outputCostPerImage', 'perImage'],
] as const;
export const MODES = ['chat', 'image_generation', 'completion'] as const;

export function useRefreshPrices() {
  const queries = useQueryClient();
  return useCallback(() => Promise.all(['prices', 'price-sync', 'unpriced', 'overview'].map((name) =>
    queries.invalidateQueries({ queryKey: [name] }))), [queries]);
}

/** What an upload and a sync have in common: a preview, and its writing with what was ticked. */
export interface Source {
  preview: () => Promise<ImportResult>;
  apply: (overwriteManual: string[], confirm: string[]) => Promise<ImportResult>;
}

export const uploadOf = (content: string): Source => ({
  preview: () => ask(api.POST('/api/v1/model-prices:preview', { body: { content, guard: true } })),
  apply: (overwriteManual, confirm) =>
    ask(api.POST('/api/v1/model-prices:upload', { body: { content, guard: true, overwriteManual, confirm } })),
});

export const sync: Source = {
  preview: async () => {
    const { preview, version } = await ask(api.POST('/api/v1/model-prices:syncLitellmCheck'));
    return { ...preview, version };
  },
  apply: (overwriteManual, confirm) =>
    ask(api.POST('/api/v1/model-prices:syncLitellm', { body: { overwriteManual, confirm } })),
};
