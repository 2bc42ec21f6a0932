// Taking bulk changes back: at once, from the message that tells they are done, or later, from the list of the last day.
import { UndoOutlined } from '@ant-design/icons';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { App, Button, Drawer, Flex, Table, Tag } from 'antd';
import { useState } from 'react';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { commonTexts } from '../../i18n/common';
import { numberText, timeText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import { asApiError } from '../../api/error';
import { type Kind, type Operation, operationsOf, undo, type Undoable, useFields } from './data';

export function useRefreshBatch() {
  const queries = useQueryClient();
  return () => Promise.all(['batch', 'batch-operations', 'circuits', 'overview', 'audit-logs'].map((name) => queries.invalidateQueries({ queryKey: [name] })));
}

/** What came back, and what did not because somebody changed it since. */
function useUndo() {
  const t = useTexts(batchTexts);
  const { message } = App.useApp();
  const refresh = useRefreshBatch();
  return useMutation({
    mutationFn: undo,
    onSuccess: ({ count, skipped }) => {
      if (skipped.length === 0)
        void message.success(t('undone', numberText(count)));
      else
        void message.warning(t('undonePartly', numberText(count), skipped.map(({ id }) => `#${id}`).join(', ')), 10);
      void refresh();
    },
    onError: (error) => void message.error(asApiError(error).text, 10),
  });
}

/** Tells that it is done, with the way back. */
export function useAnnounce() {
  const t = useTexts(batchTexts);
  const { notification } = App.useApp();
  const { mutate } = useUndo();
  return (title: string, operations: Undoable[], warnings: readonly string[] = []) => {
    const key = operations[0]?.operationId ?? title;
    notification.success({
      key, title, description: warnings.join('\n') || undefined, duration: 12, placement: 'bottomRight',
      actions: operations.length === 0 ? undefined : (
        <Button size="small" icon={<UndoOutlined />} data-testid="undo" onClick={() => {
          notification.destroy(key);
          operations.forEach((one) => mutate(one));
        }}>{t('undo')}</Button>
      ),
    });
  };
}

function State({ operation, onUndo, busy }: { operation: Operation; onUndo: () => void; busy: boolean }) {
  const t = useTexts(batchTexts);
  if (operation.undoneAt !== null && operation.undoneAt !== undefined)
    return <Tag>{t('isUndone')}</Tag>;
  return operation.undoable ? <Button size="small" icon={<UndoOutlined />} loading={busy} onClick={onUndo}>{t('undo')}</Button> : <Tag>{t('undoOver')}</Tag>;
}

export function OperationsDrawer({ kind, onClose }: { kind: Kind; onClose: () => void }) {
  const t = useTexts(batchTexts);
  const common = useTexts(commonTexts);
  const [page, setPage] = useState(1);
  const labels = new Map(useFields(kind).map(({ name, label }) => [name, label]));
  const list = useQuery({
    queryKey: ['batch-operations', kind, page],
    queryFn: ({ signal }) => operationsOf(kind, page, signal),
    placeholderData: keepPreviousData,
  });
  const back = useUndo();
  return (
    <Drawer open size={720} onClose={onClose} title={t('operations')} closable={{ 'aria-label': common('close') }}>
      <Flex vertical gap={12}>
        {list.isError && <Problem error={list.error} onRetry={() => void list.refetch()} />}
        <Table<Operation>
          size="small" rowKey="operationId" loading={list.isPending} dataSource={list.data?.items} scroll={{ x: 'max-content' }}
          locale={{ emptyText: t('noOperations') }}
          pagination={{ current: page, pageSize: 20, total: list.data?.total ?? 0, onChange: setPage, hideOnSinglePage: true, showSizeChanger: false }}
          columns={[
            { title: t('when'), dataIndex: 'appliedAt', render: timeText },
            { title: t('who'), dataIndex: 'userName', render: (name: string | null) => name ?? '—' },
            { title: t('what'), render: (_, { action, fields }) =>
              action === 'delete' ? t('deletion') : <span className="wrap">{fields.map((name) => labels.get(name) ?? name).join(', ')}</span> },
            { title: t('rows'), dataIndex: 'rowCount', align: 'right', render: numberText },
            { title: t('undo'), render: (_, operation) =>
              <State operation={operation} busy={back.isPending && back.variables.operationId === operation.operationId}
                     onUndo={() => back.mutate({ ...operation, kind })} /> },
          ]}
        />
      </Flex>
    </Drawer>
  );
}
