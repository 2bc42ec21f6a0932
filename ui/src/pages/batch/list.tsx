// A list of users, keys or providers: filters in the address, selection, a bar with what can be done to the selected.
import { DeleteOutlined, DownOutlined, DownloadOutlined, EditOutlined, HistoryOutlined, ThunderboltOutlined, UploadOutlined } from '@ant-design/icons';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { App, Button, Dropdown, Flex, Input, Popconfirm, Select, Table, Tag, type TableColumnsType } from 'antd';
import { useState } from 'react';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { useAddress } from '../../parts/address';
import { Page } from '../../parts/page';
import { Problem } from '../../parts/problem';
import { BATCH_MAX, deleteProviders, exportAddress, idsOf, type Item, type Kind, type ListQuery, listOf } from './data';
import { EditDrawer } from './edit-drawer';
import { FileDrawer } from './file-drawer';
import { Refusal } from './refusal';
import { OperationsDrawer, useAnnounce, useRefreshBatch } from './undo';

/** One of the list's filters, by the API's name; it stands in the address. */
export interface Filter {
  name: string;
  label: string;
  choices?: readonly string[]; // none: any text
}

interface Props {
  kind: Kind;
  columns: TableColumnsType<Item>;
  filters: readonly Filter[]; // beside search and enabled
}

const CIRCUIT_COLOURS = { closed: 'success', open: 'error', 'half-open': 'warning' } as const;

/** The providers' circuits by id; without Redis there is nothing to show. */
function useCircuits(kind: Kind) {
  const circuits = useQuery({
    queryKey: ['circuits'],
    enabled: kind === 'providers',
    retry: false,
    queryFn: ({ signal }) => ask(api.GET('/api/v1/providers/circuits', { signal })),
  });
  return new Map(circuits.data?.items.map((one) => [one.providerId, one.state]));
}

export function BatchList({ kind, columns, filters }: Props) {
  const t = useTexts(batchTexts);
  const common = useTexts(commonTexts);
  const { message } = App.useApp();
  const [address, change] = useAddress();
  const [selected, setSelected] = useState<number[]>([]);
  const [drawer, setDrawer] = useState<'edit' | 'file' | 'operations'>();
  const page = Number(address.get('page') ?? 1), pageSize = Number(address.get('size') ?? 50);
  const query: ListQuery = { search: address.get('search') ?? undefined, sort: address.get('sort') ?? undefined };
  for (const name of ['enabled', ...filters.map((filter) => filter.name)])
    query[name] = address.get(name) ?? undefined;
  const list = useQuery({
    queryKey: ['batch', kind, query, page, pageSize],
    queryFn: ({ signal }) => listOf(kind, { ...query, page, pageSize }, signal),
    placeholderData: keepPreviousData,
  });
  const circuits = useCircuits(kind);
  const refresh = useRefreshBatch();
  const announce = useAnnounce();
  const all = useMutation({
    mutationFn: (_: 'all' | 'others') => idsOf(kind, query),
    onSuccess: ({ ids }, how) => {
      const had = new Set(selected);
      setSelected(how === 'all' ? ids : ids.filter((id) => !had.has(id)));
    },
  });
  const remove = useMutation({
    mutationFn: () => deleteProviders(selected),
    onSuccess: ({ deletedCount, operationId, undoToken }) => {
      announce(t('deleted', numberText(deletedCount)), [{ kind, action: 'delete', operationId, undoToken }]);
      setSelected([]);
      void refresh();
    },
  });
  const reset = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/providers/circuits:batchReset', { body: { providerIds: selected } })),
    onSuccess: ({ resetCount }) => {
      void message.success(t('circuitsReset', numberText(resetCount)));
      void refresh();
    },
  });
  const total = list.data?.total ?? 0;
  const exported: ListQuery = selected.length > 0 ? { ids: selected.join(',') } : query;
  const tooMany = selected.length > BATCH_MAX;
  const big = pageSize > 100; // only what is in the window is drawn
  const close = () => setDrawer(undefined);
  const done = () => {
    close();
    void refresh();
  };
  const state: TableColumnsType<Item> = kind === 'users' ? [] : [{
    title: t('state'), dataIndex: 'isEnabled', render: (on: boolean) => <Tag color={on ? 'success' : 'default'}>{t(on ? 'enabled' : 'disabled')}</Tag>,
  }];
  const circuit: TableColumnsType<Item> = kind !== 'providers' ? [] : [{
    title: t('circuit'), render: (_, { id }) => {
      const one = circuits.get(id);
      return one === undefined ? '—' : <Tag color={CIRCUIT_COLOURS[one]}>{t(`circuit_${one}`)}</Tag>;
    },
  }];
  const everything: TableColumnsType<Item> = [
    { title: t('name'), key: 'name', sorter: true, dataIndex: 'name', render: (name: string, { id }) => <span className="choice">{name}<small>#{id}</small></span> },
    ...state, ...columns, ...circuit,
  ];
  /** The server sorts; the address says by what. */
  const ordered = (column: TableColumnsType<Item>[number]) => (column.sorter !== true ? column : {
    ...column, sortOrder: query.sort === column.key ? 'ascend' as const : query.sort === `-${String(column.key)}` ? 'descend' as const : null,
  });
  return (
    <Page title={common(kind)} error={list.isError && list.data === undefined ? list.error : undefined} onRetry={() => void list.refetch()}>
      <Flex gap={8} wrap>
        <Input.Search className="filter-search" allowClear placeholder={t('searchHint')} aria-label={t('searchHint')}
                      defaultValue={query.search} onSearch={(search) => change({ search, page: undefined })} />
        <Select className="filter" allowClear placeholder={t('state')} aria-label={t('state')} value={query.enabled as string | undefined}
                onChange={(enabled?: string) => change({ enabled, page: undefined })}
                options={[{ value: 'true', label: t('enabled') }, { value: 'false', label: t('disabled') }]} />
        {filters.map(({ name, label, choices }) => (choices !== undefined
          ? <Select key={name} className="filter" allowClear placeholder={label} aria-label={label} value={address.get(name) ?? undefined}
                    onChange={(value?: string) => change({ [name]: value, page: undefined })} options={choices.map((value) => ({ value, label: value }))} />
          : <Input key={`${name} ${address.get(name) ?? ''}`} className="filter" allowClear placeholder={label} aria-label={label} defaultValue={address.get(name) ?? ''}
                   onPressEnter={({ currentTarget }) => change({ [name]: currentTarget.value, page: undefined })}
                   onBlur={({ target }) => target.value !== (address.get(name) ?? '') && change({ [name]: target.value, page: undefined })}
                   onClear={() => change({ [name]: undefined, page: undefined })} />))}
        <Dropdown menu={{ items: (['csv', 'json'] as const).map((format) => ({
          key: format,
          label: <a href={exportAddress(kind, format, exported)} download>{t('exportAs', format.toUpperCase(), numberText(selected.length > 0 ? selected.length : total))}</a>,
        })) }}>
          <Button icon={<DownloadOutlined />} data-testid="export">{t('export')} <DownOutlined /></Button>
        </Dropdown>
        <Button icon={<UploadOutlined />} onClick={() => setDrawer('file')} data-testid="file">{t('import')}</Button>
        <Button icon={<HistoryOutlined />} onClick={() => setDrawer('operations')} data-testid="operations">{t('operations')}</Button>
      </Flex>
      <Flex gap={8} wrap align="center" className="selection" role="status">
        <strong>{t('selected', numberText(selected.length))}</strong>
        <Button size="small" loading={all.isPending && all.variables === 'all'} onClick={() => all.mutate('all')}>{t('selectAll', numberText(total))}</Button>
        {selected.length > 0 && <>
          <Button size="small" loading={all.isPending && all.variables === 'others'} onClick={() => all.mutate('others')}>{t('invert')}</Button>
          <Button size="small" onClick={() => setSelected([])}>{t('unselect')}</Button>
        </>}
        <Button size="small" type="primary" icon={<EditOutlined />} disabled={selected.length === 0 || tooMany} onClick={() => setDrawer('edit')}
                data-testid="edit">{t('edit')}</Button>
        {kind === 'providers' && <Button size="small" icon={<ThunderboltOutlined />} disabled={selected.length === 0 || tooMany}
                                         loading={reset.isPending} onClick={() => reset.mutate()}>{t('resetCircuits')}</Button>}
        {kind === 'providers' && (
          <Popconfirm title={t('deleteAsk', numberText(selected.length))} description={t('deleteHint')} onConfirm={() => remove.mutate()}
                      okText={t('delete')} okButtonProps={{ danger: true, type: 'default' }} cancelButtonProps={{ type: 'primary' }} cancelText={common('cancel')}>
            <Button size="small" danger icon={<DeleteOutlined />} disabled={selected.length === 0 || tooMany} loading={remove.isPending} data-testid="delete">{t('delete')}</Button>
          </Popconfirm>
        )}
        {tooMany && <span className="muted">{t('tooMany')}</span>}
      </Flex>
      {all.isError && <Problem error={all.error} />}
      {reset.isError && <Problem error={reset.error} />}
      {remove.isError && <Refusal error={remove.error} />}
      <Table<Item>
        size="middle"
        rowKey="id"
        loading={list.isPending || list.isPlaceholderData}
        dataSource={list.data?.items}
        virtual={big}
        scroll={big ? { x: 1100, y: Math.max(320, window.innerHeight - 330) } : { x: 'max-content' }}
        locale={{ emptyText: t('none') }}
        rowSelection={{ columnWidth: 48, selectedRowKeys: selected, preserveSelectedRowKeys: true, onChange: (keys) => setSelected(keys.map(Number)) }}
        pagination={{
          current: page, pageSize, total, showSizeChanger: true, pageSizeOptions: [50, 100, 500, 5000],
          showTotal: (count) => common('total', numberText(count)),
          onChange: (next, size) => change({ page: next === 1 ? undefined : String(next), size: size === 50 ? undefined : String(size) }),
        }}
        onChange={(_pages, _filters, sorter, { action }) => {
          const { columnKey, order } = Array.isArray(sorter) ? sorter[0] ?? {} : sorter;
          if (action === 'sort')
            change({ sort: order === undefined || order === null ? undefined : `${order === 'descend' ? '-' : ''}${String(columnKey)}`, page: undefined });
        }}
        columns={everything.map(ordered)}
      />
      {drawer === 'edit' && <EditDrawer kind={kind} ids={selected} onClose={close} onDone={done} />}
      {drawer === 'file' && <FileDrawer kind={kind} onClose={close} onDone={done} />}
      {drawer === 'operations' && <OperationsDrawer kind={kind} onClose={close} />}
    </Page>
  );
}
