import { useMutation, useQuery } from '@tanstack/react-query';
import { App, Button, Card, Drawer, Empty, Flex, Skeleton, Tag } from 'antd';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { timeText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { Diff } from '../../parts/diff';
import { Problem } from '../../parts/problem';
import { useRefreshPrices } from './data';

export function HistoryDrawer({ name, onClose }: { name: string; onClose: () => void }) {
  const t = useTexts(pricesTexts);
  const common = useTexts(commonTexts);
  const { message } = App.useApp();
  const refresh = useRefreshPrices();
  const path = { modelName: name };
  const history = useQuery({
    queryKey: ['prices', 'history', name],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/model-prices/{modelName}/history', { params: { path, query: { pageSize: 50 } }, signal })),
  });
  const revert = useMutation({
    mutationFn: (id: number) => ask(api.POST('/api/v1/model-prices/{modelName}:revert', { params: { path }, body: { id } })),
    onSuccess: () => {
      void message.success(t('reverted'));
      void refresh();
    },
  });
  const actionText = (action: string) => {
    const key = `action_${action}`;
    return key in pricesTexts ? t(key as keyof typeof pricesTexts) : action;
  };
  return (
    <Drawer open size={760} onClose={onClose} title={t('historyTitle', name)} closable={{ 'aria-label': common('close') }}>
      <Flex vertical gap={12}>
        {revert.isError && <Problem error={revert.error} />}
        {history.isError ? <Problem error={history.error} onRetry={() => void history.refetch()} />
          : history.data === undefined ? <Skeleton active />
          : history.data.items.length === 0 ? <Empty description={t('noHistory')} />
          : history.data.items.map(({ id, changedAt, userName, action, before, after }) => (
            <Card key={id} size="small" title={<Flex gap={8} align="center" wrap><Tag>{actionText(action)}</Tag>{timeText(changedAt)}
              <span className="muted">{userName}</span></Flex>}
                  extra={<Button size="small" loading={revert.isPending && revert.variables === id} onClick={() => revert.mutate(id)}>
                    {t('revertTo')}</Button>}>
              <Diff before={before} after={after} />
            </Card>
          ))}
      </Flex>
    </Drawer>
  );
}
