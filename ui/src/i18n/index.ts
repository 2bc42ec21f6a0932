// The texts of a page in the language in use: const t = useTexts(dataTexts); t('title'), t('rows', 5).
import { useCallback, useSyncExternalStore } from 'react';
import { type Catalogue, fill, language, onLanguage, type Values } from './text';

export { type Language, setLanguage, texts } from './text';

export const useLanguage = () => useSyncExternalStore(onLanguage, language);

export type Translate<Key extends string> = (key: Key, ...values: Values) => string;

export const translate = <Key extends string>(catalogue: Catalogue<Key>, key: Key, ...values: Values) =>
  fill(catalogue[key][language() === 'zh-CN' ? 0 : 1], values);

export function useTexts<Key extends string>(catalogue: Catalogue<Key>): Translate<Key> {
  const now = useLanguage();
  return useCallback((key: Key, ...values: Values) => fill(catalogue[key][now === 'zh-CN' ? 0 : 1], values),
    [catalogue, now]);
}
