// Numbers, sizes, durations and times as the reader's language writes them. Money is never a double: see decimal.ts.
import dayjs from 'dayjs';
import { fill, language, texts } from './text';

const units = texts({
  seconds: ['{0} 秒', '{0} s'],
  minutes: ['{0} 分 {1} 秒', '{0} min {1} s'],
  hours: ['{0} 小时 {1} 分', '{0} h {1} min'],
});
const unit = (key: keyof typeof units, ...values: number[]) =>
  fill(units[key][language() === 'zh-CN' ? 0 : 1], values);

export const numberText = (value: number) => new Intl.NumberFormat(language()).format(value);

export function bytesText(bytes: number): string {
  const names = ['B', 'KB', 'MB', 'GB', 'TB'];
  let index = 0;
  for (; bytes >= 1024 && index < names.length - 1; index++)
    bytes /= 1024;
  const digits = index === 0 || bytes >= 100 ? 0 : 1;
  return `${new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(bytes)} ${names[index]}`;
}

export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60)
    return unit('seconds', ms < 10_000 ? Math.round(ms / 100) / 10 : seconds);
  if (seconds < 3600)
    return unit('minutes', Math.floor(seconds / 60), seconds % 60);
  return unit('hours', Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60));
}

export const timeText = (iso: string | number | null | undefined) =>
  iso === null || iso === undefined || iso === '' ? '—' : dayjs(iso).format('YYYY-MM-DD HH:mm:ss');
