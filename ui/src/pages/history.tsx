// The audit log: filters in the address, before and after of each change, export.
import { DownloadOutlined } from '@ant-design/icons';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { Alert, Button, DatePicker, Descriptions, Drawer, Flex, Input, Select, Table, Tag } from 'antd';
import dayjs from 'dayjs';
import { useState } from 'react';
import { api, ask } from '../api/client';
import type { components } from '../api/schema';
import { useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';
import { numberText, timeText } from '../i18n/format';
import { historyTexts } from '../i18n/history';
import { useAddress } from '../parts/address';
import { csvOf, download } from '../parts/csv';
import { Diff } from '../parts/diff';
import { Page } from '../parts/page';
import { Problem } from '../parts/problem';

type Row = components['schemas']['AuditLog'];

const CATEGORIES = ['auth', 'user', 'provider', 'provider_group', 'key', 'model_price', 'system_settings', 'notification',
  'sensitive_word'] as const;
const PAGE = 50, EXPORT_PAGE = 100, EXPORT_MAX = 20_000;

interface Filters {
  category?: string;
  success?: boolean;
  from?: string;
  to?: string;
  search?: string;
}

const askRows = (filters: Filters, limit: number, cursor: string | undefined, signal?: AbortSignal) =>
  ask(api.GET('/api/v1/audit-logs', { params: { query: { ...filters, limit, cursor } }, signal }));

function readFilters(address: URLSearchParams): Filters {
  const success = address.get('success');
  return {
    category: address.get('category') ?? undefined,
    success: success === null ? undefined : success === 'true',
    from: address.get('from') ?? undefined,
    to: address.get('to') ?? undefined,
    search: address.get('search') ?? undefined,
  };
}

const target = (row: Row) => [row.targetName ?? row.targetId, row.targetType].filter(Boolean).join(' · ') || '—';

export default function History() {
  const t = useTexts(historyTexts);
  const common = useTexts(commonTexts);
  const [address, change] = useAddress();
  const [open, setOpen] = useState<Row | null>(null);
  const filters = readFilters(address);
  const rows = useInfiniteQuery({
    queryKey: ['audit-logs', filters],
    queryFn: ({ pageParam, signal }) => askRows(filters, PAGE, pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.pageInfo.nextCursor ?? undefined,
  });
  const [read, setRead] = useState(0);
  const save = useMutation({
    mutationFn: async () => {
      const all: Row[] = [];
      let cursor: string | undefined;
      do {
        const page = await askRows(filters, EXPORT_PAGE, cursor);
        all.push(...page.items);
        cursor = page.pageInfo.nextCursor ?? undefined;
        setRead(all.length);
      } while (cursor !== undefined && all.length < EXPORT_MAX);
      const names = ['createdAt', 'actionCategory', 'actionType', 'targetType', 'targetId', 'targetName', 'operatorUserName',
        'operatorKeyName', 'operatorIp', 'success', 'errorMessage', 'beforeValue', 'afterValue'] as const;
      download(`audit_${dayjs().format('YYYY-MM-DDTHH-mm-ss')}.csv`, 'text/csv',
        csvOf([names, ...all.map((row) => names.map((name) => row[name]))]));
    },
  });
  const items = rows.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title={common('history')}
      error={rows.isError && items.length === 0 ? rows.error : undefined}
      onRetry={() => void rows.refetch()}
      extra={
        <Button icon={<DownloadOutlined />} loading={save.isPending} onClick={() => save.mutate()}>
          {save.isPending ? t('exporting', numberText(read)) : t('exportCsv')}
        </Button>
      }
    >
      {save.isError && <Problem error={save.error} />}
      <Flex gap={8} wrap>
        <Input.Search
          className="filter-search" allowClear placeholder={t('searchHint')} aria-label={t('searchHint')}
          defaultValue={filters.search} onSearch={(search) => change({ search })}
        />
        <Select
          className="filter" allowClear placeholder={t('category')} aria-label={t('category')} value={filters.category}
          onChange={(category?: string) => change({ category })}
          options={CATEGORIES.map((value) => ({ value, label: t(`category_${value}`) }))}
        />
        <Select
          className="filter" allowClear placeholder={t('result')} aria-label={t('result')}
          value={address.get('success') ?? undefined} onChange={(success?: string) => change({ success })}
          options={[{ value: 'true', label: t('succeeded') }, { value: 'false', label: t('failed') }]}
        />
        <DatePicker.RangePicker
          showTime allowEmpty={[true, true]} placeholder={[t('from'), t('to')]} aria-label={`${t('from')} – ${t('to')}`}
          value={[filters.from ? dayjs(filters.from) : null, filters.to ? dayjs(filters.to) : null]}
          onChange={(range) => change({ from: range?.[0]?.toISOString(), to: range?.[1]?.toISOString() })}
        />
      </Flex>
      <Table<Row>
        size="middle"
        rowKey="id"
        loading={rows.isPending}
        dataSource={items}
        pagination={false}
        scroll={{ x: 'max-content' }}
        locale={{ emptyText: t('none') }}
        onRow={(row) => ({
          onClick: () => setOpen(row),
          onKeyDown: ({ key }) => key === 'Enter' && setOpen(row),
          tabIndex: 0,
          className: 'clickable',
        })}
        columns={[
          { title: t('time'), dataIndex: 'createdAt', render: timeText },
          { title: t('action'), dataIndex: 'actionType', render: (type: string) => <span className="mono">{type}</span> },
          { title: t('target'), render: (_, row) => target(row) },
          { title: t('operator'), dataIndex: 'operatorUserName', render: (name: string | null) => name ?? '—' },
          { title: t('address'), dataIndex: 'operatorIp', render: (ip: string | null) => ip ?? '—' },
          { title: t('result'), dataIndex: 'success', render: (success: boolean) =>
            <Tag color={success ? 'success' : 'error'}>{t(success ? 'succeeded' : 'failed')}</Tag> },
        ]}
      />
      <Flex justify="center">
        {rows.hasNextPage
          ? <Button loading={rows.isFetchingNextPage} onClick={() => void rows.fetchNextPage()}>{t('more')}</Button>
          : items.length > 0 && <span className="muted">{t('end')}</span>}
      </Flex>
      <Drawer open={open !== null} onClose={() => setOpen(null)} size={720} title={open?.actionType}
              closable={{ 'aria-label': common('close') }}>
        {open !== null && (
          <Flex vertical gap={16}>
            {open.errorMessage && <Alert type="error" showIcon title={t('error')} description={open.errorMessage} />}
            <Descriptions column={1} size="small" bordered items={[
              { key: 'time', label: t('time'), children: timeText(open.createdAt) },
              { key: 'target', label: t('target'), children: target(open) },
              { key: 'operator', label: t('operator'),
                children: [open.operatorUserName, open.operatorKeyName].filter(Boolean).join(' · ') || '—' },
              { key: 'address', label: t('address'), children: open.operatorIp ?? '—' },
              { key: 'agent', label: t('agent'), children: <span className="wrap">{open.userAgent ?? '—'}</span> },
            ]} />
            <Diff before={open.beforeValue} after={open.afterValue} />
          </Flex>
        )}
      </Drawer>
    </Page>
  );
}
