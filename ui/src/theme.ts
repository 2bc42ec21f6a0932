// Light, dark, or as the system says; and whether things may move.
import { useSyncExternalStore } from 'react';

export type ThemeChoice = 'system' | 'light' | 'dark';
const STORED = 'hubport.theme';
const media = matchMedia('(prefers-color-scheme: dark)');
const still = matchMedia('(prefers-reduced-motion: reduce)');
const listeners = new Set<() => void>();
const stored = localStorage.getItem(STORED);
let choice: ThemeChoice = stored === 'light' || stored === 'dark' ? stored : 'system';

const isDark = () => choice === 'dark' || (choice === 'system' && media.matches);

function apply() {
  document.documentElement.style.colorScheme = isDark() ? 'dark' : 'light';
  listeners.forEach((listener) => listener());
}
media.addEventListener('change', apply);
still.addEventListener('change', apply);
apply();

export function setTheme(next: ThemeChoice) {
  choice = next;
  localStorage.setItem(STORED, next);
  apply();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
export const useDark = () => useSyncExternalStore(subscribe, isDark);
export const useThemeChoice = () => useSyncExternalStore(subscribe, () => choice);
export const useMotion = () => useSyncExternalStore(subscribe, () => !still.matches);
