// Texts in both languages, side by side, so that none can be missing: `texts({ title: ['标题', 'Title'] })`.

export type Language = 'zh-CN' | 'en';
type Pair = readonly [zh: string, en: string];
export type Catalogue<Key extends string> = Readonly<Record<Key, Pair>>;

/** For inference: each file of texts is one such call. */
export const texts = <Key extends string>(catalogue: Catalogue<Key>) => catalogue;

export type Values = ReadonlyArray<string | number>;

/** Fill {0}, {1}, ... */
export const fill = (text: string, values: Values) =>
  text.replace(/\{(\d)\}/g, (whole, index: string) => String(values[Number(index)] ?? whole));

const STORED = 'hubport.language';
const listeners = new Set<() => void>();

function initial(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === 'zh-CN' || stored === 'en')
    return stored;
  return navigator.languages.some((language) => language.toLowerCase().startsWith('zh')) ? 'zh-CN' : 'en';
}

let current = initial();
document.documentElement.lang = current;

export const language = () => current;

export function setLanguage(next: Language) {
  current = next;
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
  listeners.forEach((listener) => listener());
}

export function onLanguage(listener: () => void) {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
