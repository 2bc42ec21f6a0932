import type { Translate } from '../../i18n';
import type { dataTexts } from '../../i18n/data';
import { bytesText, durationText } from '../../i18n/format';

/** "12MB of 80MB · 4MB/s · 17 s left"; at its end the server's turn. `started`: performance.now(). */
export function uploadText(t: Translate<keyof typeof dataTexts>, done: number, size: number, started: number): string {
  if (done >= size)
    return t('verifyingServer');
  const seconds = Math.max(performance.now() - started, 1) / 1000;
  const rate = done / seconds;
  return t('uploaded', bytesText(done), bytesText(size), bytesText(rate), rate > 0 ? durationText(1000 * (size - done) / rate) : '—');
}
