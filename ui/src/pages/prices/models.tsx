// The prices in force: found by name, source, vendor and mode; the filters stand in the address.
import { DeleteOutlined, EditOutlined, HistoryOutlined, MoreOutlined } from '@ant-design/icons';
import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query';
import { App, Button, Dropdown, Flex, Input, Select, Table, Tag } from 'antd';
import { useState } from 'react';
import { api, ask } from '../../api/client';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { numberText, timeText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { useAddress } from '../../parts/address';
import { perMillion, shift } from '../../parts/decimal';
import { Problem } from '../../parts/problem';
import { type ModelPrice, useRefreshPrices } from './data';
import { EditDrawer } from './edit-drawer';
import { HistoryDrawer } from './history-drawer';

const SOURCES = ['manual', 'litellm', 'cloud'] as const;
const MODE_CHOICES = ['chat', 'completion', 'embedding', 'image_generation', 'audio_transcription', 'audio_speech', 'rerank',
  'responses', 'moderation', 'video_generation'];
const COLOURS: Record<string, string> = { manual: 'warning', litellm: 'default', cloud: 'default' };

const usd = (value: string | undefined) => (value === undefined ? '—' : `$${value}`);

function unitPrice(data: ModelPrice['priceData']) {
  const value = data.input_cost_per_request ?? data.output_cost_per_image;
  return typeof value === 'number' || typeof value === 'string' ? usd(shift(String(value), 0)) : '—';
}

export function Models() {
  const t = useTexts(pricesTexts);
  const common = useTexts(commonTexts);
  const { modal, message } = App.useApp();
  const refresh = useRefreshPrices();
  const [address, change] = useAddress();
  const [history, setHistory] = useState<string>();
  const page = Number(address.get('page') ?? 1), pageSize = Number(address.get('size') ?? 50);
  const filter = (name: string) => address.get(name) ?? undefined;
  const query = {
    page, pageSize, search: filter('search'), source: filter('source') as 'manual' | undefined, vendor: filter('vendor'),
    mode: filter('mode'),
  };
  const list = useQuery({
    queryKey: ['prices', 'list', query],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/model-prices', { params: { query }, signal })),
    placeholderData: keepPreviousData,
  });
  const vendors = useQuery({
    queryKey: ['prices', 'vendors'],
    queryFn: ({ signal }) => ask(api.GET('/api/prices/vendors', { signal })),
    staleTime: 60_000,
  });
  const remove = useMutation({
    mutationFn: (modelName: string) => ask(api.DELETE('/api/v1/model-prices/{modelName}', { params: { path: { modelName } } })),
    onSuccess: (_, modelName) => {
      void message.success(t('removed', modelName));
      void refresh();
    },
  });
  const askRemove = (modelName: string) => modal.confirm({
    title: t('removeAsk', modelName), content: t('removeText'), okText: t('remove'), okButtonProps: { danger: true },
    cancelText: common('cancel'), autoFocusButton: 'cancel', onOk: () => remove.mutate(modelName),
  });
  const narrow = (changes: Record<string, string | undefined>) => change({ ...changes, page: undefined });
  const edited = address.has('add') ? '' : address.get('edit');
  const filtered = ['search', 'source', 'vendor', 'mode'].some((name) => address.has(name));
  const money = (field: string) => ({ align: 'right' as const, render: (_: unknown, { priceData }: ModelPrice) => usd(perMillion(priceData[field])) });
  return (
    <Flex vertical gap={12}>
      <Flex gap={8} wrap>
        <Input.Search className="filter-search" allowClear placeholder={t('searchHint')} aria-label={t('searchHint')}
                      defaultValue={query.search} onSearch={(search) => narrow({ search })} />
        <Select className="filter" allowClear placeholder={t('source')} aria-label={t('source')} value={query.source}
                onChange={(source?: string) => narrow({ source })}
                options={SOURCES.map((value) => ({ value, label: value === 'cloud' ? t('notManual') : t(`source_${value}`) }))} />
        <Select className="filter" allowClear showSearch placeholder={t('provider')} aria-label={t('provider')} value={query.vendor}
                onChange={(vendor?: string) => narrow({ vendor })} loading={vendors.isPending}
                options={vendors.data?.data.vendors.map(({ vendor, name }) => ({ value: vendor, label: name ?? vendor }))} />
        <Select className="filter" allowClear showSearch placeholder={t('mode')} aria-label={t('mode')} value={query.mode}
                onChange={(mode?: string) => narrow({ mode })} options={MODE_CHOICES.map((value) => ({ value, label: value }))} />
      </Flex>
      {remove.isError && <Problem error={remove.error} />}
      {list.isError && list.data === undefined ? <Problem error={list.error} onRetry={() => void list.refetch()} /> : (
        <Table<ModelPrice>
          size="middle"
          rowKey="modelName"
          loading={list.isPending || list.isPlaceholderData}
          dataSource={list.data?.items}
          scroll={{ x: 'max-content' }}
          locale={{ emptyText: filtered ? t('noneFit') : t('none') }}
          pagination={{
            current: page, pageSize, total: list.data?.total ?? 0, showSizeChanger: true, pageSizeOptions: [20, 50, 100],
            showTotal: (total) => common('total', numberText(total)),
            onChange: (next, size) => change({ page: next === 1 ? undefined : String(next), size: size === 50 ? undefined : String(size) }),
          }}
          columns={[
            { title: t('model'), dataIndex: 'modelName', fixed: 'left', render: (name: string, { priceData }) =>
              <span className="choice"><span className="mono">{name}</span>
                {typeof priceData.display_name === 'string' && priceData.display_name !== name && <small>{priceData.display_name}</small>}</span> },
            { title: t('provider'), render: (_, { priceData }) => String(priceData.vendor ?? priceData.litellm_provider ?? '—') },
            { title: t('mode'), render: (_, { priceData }) => String(priceData.mode ?? '—') },
            { title: t('input'), ...money('input_cost_per_token') },
            { title: t('output'), ...money('output_cost_per_token') },
            { title: t('cacheRead'), ...money('cache_read_input_token_cost') },
            { title: t('cacheWrite'), ...money('cache_creation_input_token_cost') },
            { title: t('perRequest'), align: 'right', render: (_, { priceData }) => unitPrice(priceData) },
            { title: t('source'), dataIndex: 'source', render: (source: string) =>
              <Tag color={COLOURS[source]}>{source in COLOURS ? t(`source_${source as 'manual'}`) : source}</Tag> },
            { title: t('updated'), dataIndex: 'updatedAt', render: timeText },
            { title: <span className="unseen">{t('actions')}</span>, fixed: 'right', width: 96, render: (_, { modelName }) => (
              <Flex gap={4}>
                <Button size="small" type="text" icon={<EditOutlined />} aria-label={`${t('edit')} ${modelName}`}
                        onClick={() => change({ edit: modelName })} />
                <Dropdown trigger={['click']} menu={{
                  items: [
                    { key: 'history', icon: <HistoryOutlined />, label: t('history') },
                    { key: 'remove', icon: <DeleteOutlined />, label: t('remove'), danger: true },
                  ],
                  onClick: ({ key }) => (key === 'history' ? setHistory(modelName) : askRemove(modelName)),
                }}>
                  <Button size="small" type="text" icon={<MoreOutlined />} aria-label={`${t('more')} ${modelName}`} />
                </Dropdown>
              </Flex>
            ) },
          ]}
        />
      )}
      {edited !== null && <Editor name={edited} shown={list.data?.items} onClose={() => change({ edit: undefined, add: undefined })} />}
      {history !== undefined && <HistoryDrawer name={history} onClose={() => setHistory(undefined)} />}
    </Flex>
  );
}

/** The model to edit may not be on the page that is shown: its address may have come from somebody. */
function Editor({ name, shown, onClose }: { name: string; shown: readonly ModelPrice[] | undefined; onClose: () => void }) {
  const here = shown?.find(({ modelName }) => modelName === name);
  const found = useQuery({
    queryKey: ['prices', 'one', name],
    enabled: name !== '' && here === undefined,
    queryFn: async ({ signal }) => {
      const { items } = await ask(api.GET('/api/v1/model-prices', { params: { query: { search: name, pageSize: 100 } }, signal }));
      return items.find(({ modelName }) => modelName === name) ?? null;
    },
  });
  if (name !== '' && here === undefined && found.isPending)
    return null;
  return <EditDrawer key={name} name={name} price={here ?? found.data ?? undefined} onClose={onClose} />;
}
