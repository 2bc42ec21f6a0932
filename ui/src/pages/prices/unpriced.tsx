import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Flex, Result, Table, Tag } from 'antd';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { numberText, timeText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { Problem } from '../../parts/problem';

const DAYS = 30;

export const useUnpriced = () => useQuery({
  queryKey: ['unpriced'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/model-prices:unpriced', { params: { query: { days: DAYS } }, signal })),
});

export function Unpriced({ onSet }: { onSet: (model: string) => void }) {
  const t = useTexts(pricesTexts);
  const unpriced = useUnpriced();
  if (unpriced.isError)
    return <Problem error={unpriced.error} onRetry={() => void unpriced.refetch()} />;
  if (unpriced.data?.items.length === 0)
    return <Result status="success" title={t('allPriced')} />;
  return (
    <Flex vertical gap={12}>
      <Alert type="info" showIcon title={t('unpricedHint', unpriced.data?.days ?? DAYS)} />
      <Table
        size="middle"
        rowKey="model"
        loading={unpriced.isPending}
        dataSource={unpriced.data?.items}
        pagination={false}
        scroll={{ x: 'max-content' }}
        columns={[
          { title: t('model'), dataIndex: 'model', render: (name: string) => <span className="mono">{name}</span> },
          { title: t('requests'), dataIndex: 'requests', align: 'right', render: numberText },
          { title: t('lastSeen'), dataIndex: 'lastSeenAt', render: timeText },
          { title: t('reason'), dataIndex: 'reason', render: (reason: 'missing' | 'zero') =>
            <Tag color="warning">{t(`reason_${reason}`)}</Tag> },
          { title: t('nearest'), dataIndex: 'nearest', render: (names: string[]) => names.map((name) => <Tag key={name} className="mono">{name}</Tag>) },
          { title: <span className="unseen">{t('actions')}</span>, render: (_, { model }) => <Button size="small" onClick={() => onSet(model)}>{t('setPrice')}</Button> },
        ]}
      />
    </Flex>
  );
}
