import type { Item } from './data';

const NAMES = [['limit5hUsd', '5h'], ['dailyQuota', '1d'], ['limitDailyUsd', '1d'], ['limitWeeklyUsd', '7d'], ['limitMonthlyUsd', '30d']] as const;

/** "5h $10.00 · 7d $50.00" */
export const limitsOf = (item: Item) =>
  NAMES.filter(([name]) => item[name] !== null && item[name] !== undefined).map(([name, short]) => `${short} $${String(item[name])}`).join(' · ') || '—';
