import { CloudSyncOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Badge, Button, Card, Flex } from 'antd';
import { useState } from 'react';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { durationText, timeText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { sync } from './data';
import { PreviewWindow } from './preview';

const errorText = (error: unknown): string =>
  typeof error === 'string' ? error
    : typeof error === 'object' && error !== null && 'text' in error ? String(error.text)
    : typeof error === 'object' && error !== null && 'message' in error ? String(error.message)
    : typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';

export function SyncCard() {
  const t = useTexts(pricesTexts);
  const [open, setOpen] = useState(false);
  const state = useQuery({
    queryKey: ['price-sync'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/model-prices/sync', { signal })),
    refetchInterval: 30_000,
  }).data;
  const failed = errorText(state?.lastError);
  return (
    <Card size="small">
      <Flex align="center" justify="space-between" gap={12} wrap>
        <Flex gap={16} align="center" wrap>
          <strong>{t('syncTitle')}</strong>
          {state?.running && <Badge status="processing" text={t('running')} />}
          <span>{state === undefined ? '' : state.lastSucceededAt ? t('lastSuccess', timeText(state.lastSucceededAt)) : t('never')}</span>
          {state?.version && <span className="muted wrap">{t('version', state.version)}</span>}
          {state !== undefined && <span className="muted">
            {state.enabled ? t('syncEvery', durationText(state.intervalSeconds * 1000)) : t('syncOff')}
            {state.enabled && state.nextAt ? ` · ${t('next', timeText(state.nextAt))}` : ''}</span>}
        </Flex>
        <Button icon={<CloudSyncOutlined />} onClick={() => setOpen(true)} data-testid="sync">{t('syncNow')}</Button>
      </Flex>
      {failed !== '' && <Alert type="warning" showIcon className="gap-above" title={t('lastFailed', failed)} />}
      {open && <PreviewWindow source={sync} title={t('sync')} onClose={() => setOpen(false)} />}
    </Card>
  );
}
