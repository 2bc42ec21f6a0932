// The browser downloads by itself, so nothing of the file is held in memory. Its errors cannot be read from here, so the
// lock is looked at before.
import { DownloadOutlined } from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Card, Flex, Radio, Select, Typography } from 'antd';
import { useState } from 'react';
import { addressOf, api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { bytesText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import { type Status, STATUS_KEY } from './status';

const MODES = ['full', 'excludeLogs', 'ledgerOnly'] as const;
const MODE_TEXTS = {
  full: ['modeFull', 'modeFullHint'],
  excludeLogs: ['modeExcludeLogs', 'modeExcludeLogsHint'],
  ledgerOnly: ['modeLedgerOnly', 'modeLedgerOnlyHint'],
} as const;
const COMPRESSIONS = ['balanced', 'fast', 'none'] as const;

export function ExportCard({ status }: { status: Status }) {
  const t = useTexts(dataTexts);
  const queries = useQueryClient();
  const [mode, setMode] = useState<(typeof MODES)[number]>('full');
  const [compression, setCompression] = useState<(typeof COMPRESSIONS)[number]>('balanced');
  const begin = useMutation({
    mutationFn: () => ask(api.POST('/api/admin/database/export-ticket')),
    onSuccess: ({ ticket }) => {
      location.assign(`${addressOf('/api/admin/database/export')}?${new URLSearchParams({ mode, compression, ticket })}`);
      setTimeout(() => void queries.invalidateQueries({ queryKey: STATUS_KEY }), 500);
    },
  });
  const hindrance = !status.isAvailable ? t('unavailable') : status.lock ? t('busy') : undefined;
  const running = status.lock?.operation === 'export';
  return (
    <Card title={t('exportTitle')} className="card">
      <Flex vertical gap={16}>
        <Typography.Text type="secondary">{t('exportHint')}</Typography.Text>
        <Radio.Group value={mode} onChange={({ target }) => setMode(target.value)} aria-label={t('exportTitle')}>
          <Flex vertical gap={10}>
            {MODES.map((value) => (
              <Radio key={value} value={value}>
                <span className="choice">{t(MODE_TEXTS[value][0])}<small>{t(MODE_TEXTS[value][1])}</small></span>
              </Radio>
            ))}
          </Flex>
        </Radio.Group>
        <Flex align="center" gap={8}>
          <label htmlFor="compression">{t('compression')}</label>
          <Select id="compression" className="filter" value={compression} onChange={setCompression}
                  options={COMPRESSIONS.map((value) => ({ value, label: t(`compression_${value}`) }))} />
        </Flex>
        {status.databaseBytes !== undefined &&
          <Typography.Text type="secondary">{t('estimate', bytesText(status.databaseBytes))}</Typography.Text>}
        {begin.isError && <Problem error={begin.error} />}
        <Flex vertical gap={8}>
          <Button type="primary" size="large" icon={<DownloadOutlined />} data-testid="export" loading={begin.isPending}
                  disabled={hindrance !== undefined} onClick={() => begin.mutate()}>
            {t('exportButton')}
          </Button>
          <span role="status" className="muted">
            {running ? t('exportRunning') : hindrance ?? (begin.isSuccess ? t('exportBegun') : '')}
          </span>
        </Flex>
      </Flex>
    </Card>
  );
}
