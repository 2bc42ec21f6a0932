import { RollbackOutlined } from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Alert, App, Button, Card, Empty, Flex, Typography } from 'antd';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { dataTexts } from '../../i18n/data';
import { timeText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import type { Status } from './status';

export function PreviousCard({ status }: { status: Status }) {
  const t = useTexts(dataTexts);
  const common = useTexts(commonTexts);
  const { modal } = App.useApp();
  const queries = useQueryClient();
  const goBack = useMutation({
    mutationFn: (name: string) => ask(api.POST('/api/admin/database/rollback', { body: { name } })),
    onSettled: () => queries.invalidateQueries(), // everything on every page is another database's now
  });
  const askFirst = (name: string) => modal.confirm({
    title: t('goBackTitle', name),
    content: t('goBackText', status.databaseName),
    okText: t('goBack').replace('…', ''),
    okButtonProps: { danger: true },
    cancelText: common('cancel'),
    autoFocusButton: 'cancel',
    onOk: () => goBack.mutate(name),
  });
  return (
    <Card title={t('previousTitle')} className="card">
      <Flex vertical gap={12}>
        <Typography.Text type="secondary">{t('previousHint')}</Typography.Text>
        {goBack.isError && <Problem error={goBack.error} />}
        {goBack.isSuccess && <Alert type="success" showIcon role="status" title={t('wentBack', goBack.data.previous)} />}
        {status.previous.length === 0
          ? <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('previousNone')} />
          : status.previous.map(({ name, since, until, pinned }) => (
            <Flex key={name} align="center" justify="space-between" gap={12} wrap className="row" data-testid="previous">
              <span className="choice wrap">
                {name}
                <small>{t('since', timeText(since))} · {pinned ? t('pinned') : t('until', timeText(until))}</small>
              </span>
              <Button icon={<RollbackOutlined />} loading={goBack.isPending && goBack.variables === name}
                      disabled={status.lock !== null || goBack.isPending} onClick={() => askFirst(name)}>
                {t('goBack')}
              </Button>
            </Flex>
          ))}
      </Flex>
    </Card>
  );
}
