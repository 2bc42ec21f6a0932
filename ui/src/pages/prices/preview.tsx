// What an upload or a sync would change: old and new of each price, conflicts to tick one by one, what is held back.
import { useMutation, useQuery } from '@tanstack/react-query';
import { Alert, App, Button, Collapse, Empty, Flex, Modal, Skeleton, Statistic, Table, Tag, Typography } from 'antd';
import { useId, useMemo, useState } from 'react';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { shift } from '../../parts/decimal';
import { Problem } from '../../parts/problem';
import { type ImportResult, type Source, useRefreshPrices } from './data';

type Change = NonNullable<ImportResult['changes']>[number];
type Held = NonNullable<ImportResult['heldBack']>[number];

const WHOLE = '*';
const NAMES_SHOWN = 200;

/** Prices per token are shown per million; other fields as they are. */
export function fieldValue(field: string, value: string | null | undefined): string {
  if (value === null || value === undefined)
    return '—';
  return /cost_per_token|token_cost/.test(field) ? shift(value, 6) ?? value : value;
}

function Percent({ value }: { value: string | null | undefined }) {
  if (value === null || value === undefined)
    return null;
  const up = !value.startsWith('-');
  return <Tag color={up ? 'error' : 'success'}>{up ? '+' : ''}{value}%</Tag>;
}

function Changes({ changes, models }: { changes: readonly Change[]; models: ReadonlySet<string> }) {
  const t = useTexts(pricesTexts);
  const rows = useMemo(() => changes.filter(({ model }) => models.has(model)), [changes, models]);
  return (
    <Table<Change>
      size="small"
      rowKey={({ model, field }) => `${model} ${field}`}
      dataSource={rows}
      pagination={rows.length > 20 ? { defaultPageSize: 20, showSizeChanger: false } : false}
      scroll={{ x: 'max-content' }}
      columns={[
        { title: t('model'), dataIndex: 'model', render: (name: string) => <span className="mono">{name}</span> },
        { title: t('field'), dataIndex: 'field', render: (name: string) => <span className="mono">{name}</span> },
        { title: t('before'), dataIndex: 'old', align: 'right', render: (value, { field }) => fieldValue(field, value) },
        { title: t('after'), dataIndex: 'new', align: 'right', render: (value, { field }) => <strong>{fieldValue(field, value)}</strong> },
        { title: t('percent'), dataIndex: 'percent', align: 'right', render: (value) => <Percent value={value} /> },
      ]}
    />
  );
}

function Names({ names }: { names: readonly string[] }) {
  const t = useTexts(pricesTexts);
  return (
    <Flex gap={4} wrap>
      {names.slice(0, NAMES_SHOWN).map((name) => <Tag key={name} className="mono">{name}</Tag>)}
      {names.length > NAMES_SHOWN && <span className="muted">{t('andMore', numberText(names.length - NAMES_SHOWN))}</span>}
    </Flex>
  );
}

function HeldBack({ held, confirmed, onConfirm }: {
  held: readonly Held[]; confirmed: readonly string[]; onConfirm: (names: string[]) => void;
}) {
  const t = useTexts(pricesTexts);
  const rows = useMemo(() => [...Map.groupBy(held, ({ model }) => model)].map(([model, reasons]) => ({ model, reasons })), [held]);
  const reasonText = ({ reason, field, old, new: now }: Held) =>
    reason === 'shrank' || reason === 'lost_metadata' ? t(`reason_${reason}`, old ?? '', now ?? '')
      : `${t(`reason_${reason}`)}: ${field ?? ''} ${fieldValue(field ?? '', old)} → ${fieldValue(field ?? '', now)}`;
  return (
    <Flex vertical gap={8}>
      <Alert type="warning" showIcon title={t('heldTitle')} description={t('heldHint')} />
      <Table
        size="small"
        rowKey="model"
        dataSource={rows}
        pagination={rows.length > 10 ? { pageSize: 10, showSizeChanger: false } : false}
        rowSelection={{ selectedRowKeys: [...confirmed], onChange: (keys) => onConfirm(keys.map(String)), preserveSelectedRowKeys: true }}
        columns={[
          { title: t('model'), dataIndex: 'model', render: (name: string) => (name === WHOLE ? t('wholeTable') : <span className="mono">{name}</span>) },
          { title: t('reason'), render: (_, { reasons }) => reasons.map((one, index) => <div key={index}>{reasonText(one)}</div>) },
        ]}
      />
    </Flex>
  );
}

function Conflicts({ names, changes, ticked, onTick }: {
  names: readonly string[]; changes: readonly Change[]; ticked: readonly string[]; onTick: (names: string[]) => void;
}) {
  const t = useTexts(pricesTexts);
  const byModel = useMemo(() => Map.groupBy(changes, ({ model }) => model), [changes]);
  return (
    <Flex vertical gap={8}>
      <Alert type="info" showIcon title={t('conflictsTitle')} description={t('conflictsHint')} />
      <Table
        size="small"
        rowKey="model"
        dataSource={names.map((model) => ({ model }))}
        pagination={names.length > 10 ? { pageSize: 10, showSizeChanger: false } : false}
        rowSelection={{ selectedRowKeys: [...ticked], onChange: (keys) => onTick(keys.map(String)), preserveSelectedRowKeys: true }}
        columns={[
          { title: t('model'), dataIndex: 'model', render: (name: string) => <span className="mono">{name}</span> },
          { title: t('changesTitle'), render: (_, { model }) => (byModel.get(model) ?? []).slice(0, 6).map(({ field, old, new: now, percent }) =>
            <div key={field}><span className="mono">{field}</span> {fieldValue(field, old)} → <strong>{fieldValue(field, now)}</strong> <Percent value={percent} /></div>) },
        ]}
      />
    </Flex>
  );
}

const COUNTS = ['added', 'updated', 'unchanged', 'failed', 'skippedConflicts', 'heldBack', 'missing'] as const;

function Content({ preview, ticked, confirmed, onTick, onConfirm }: {
  preview: ImportResult; ticked: string[]; confirmed: string[];
  onTick: (names: string[]) => void; onConfirm: (names: string[]) => void;
}) {
  const t = useTexts(pricesTexts);
  const changes = preview.changes ?? [], held = preview.heldBack ?? [], missing = preview.missing ?? [];
  const updated = useMemo(() => new Set(preview.updated), [preview.updated]);
  const folds = [
    { key: 'added', label: t('addedTitle'), names: preview.added },
    { key: 'missing', label: t('missingTitle'), names: missing },
  ].filter(({ names }) => names.length > 0);
  return (
    <Flex vertical gap={16}>
      <Flex gap={24} wrap>
        {COUNTS.map((name) => <Statistic key={name} title={t(`count_${name}`)} value={preview.counts?.[name] ?? 0} />)}
      </Flex>
      {held.length > 0 && <HeldBack held={held} confirmed={confirmed} onConfirm={onConfirm} />}
      {preview.skippedConflicts.length > 0 &&
        <Conflicts names={preview.skippedConflicts} changes={changes} ticked={ticked} onTick={onTick} />}
      {updated.size > 0 && <><Typography.Text strong>{t('changesTitle')}（{t('perMillion')}）</Typography.Text>
        <Changes changes={changes} models={updated} /></>}
      {preview.failed.length > 0 && (
        <Collapse size="small" items={[{
          key: 'failed', label: `${t('failedTitle')} (${numberText(preview.failed.length)})`,
          children: <Table size="small" rowKey="model" dataSource={preview.failed} pagination={{ pageSize: 10, hideOnSinglePage: true }}
            columns={[{ title: t('model'), dataIndex: 'model' }, { title: t('reason'), dataIndex: 'reason' }]} />,
        }]} />
      )}
      {folds.length > 0 && <Collapse size="small" items={folds.map(({ key, label, names }) =>
        ({ key, label: `${label} (${numberText(names.length)})`, children: <Names names={names} /> }))} />}
    </Flex>
  );
}

/** A window with the preview of `source`; applying it writes what was shown and ticked. */
export function PreviewWindow({ source, title, onClose }: { source: Source; title: string; onClose: () => void }) {
  const t = useTexts(pricesTexts);
  const common = useTexts(commonTexts);
  const { message } = App.useApp();
  const refresh = useRefreshPrices();
  const [ticked, setTicked] = useState<string[]>([]);
  const [confirmed, setConfirmed] = useState<string[]>([]);
  const id = useId();
  const preview = useQuery({ queryKey: ['price-preview', id], queryFn: source.preview, staleTime: Infinity, gcTime: 0, retry: false });
  const apply = useMutation({
    mutationFn: () => source.apply(ticked, confirmed),
    onSuccess: (result) => {
      void message.success(t('applied', numberText(result.added.length), numberText(result.updated.length)));
      void refresh();
      onClose();
    },
  });
  const data = preview.data;
  const blocked = data?.heldBack?.some(({ model }) => model === WHOLE) === true && !confirmed.includes(WHOLE);
  const heldModels = new Set(data?.heldBack?.map(({ model }) => model).filter((model) => model !== WHOLE));
  const count = data === undefined || blocked ? 0
    : data.added.length + data.updated.length + ticked.length + confirmed.filter((model) => heldModels.has(model)).length
      + (confirmed.includes(WHOLE) ? new Set(data.changes?.map(({ model }) => model)).size : 0);
  return (
    <Modal
      open title={title} width={960} onCancel={onClose} mask={{ closable: false }}
      footer={[
        <Button key="cancel" onClick={onClose}>{common('cancel')}</Button>,
        <Button key="apply" type="primary" disabled={count === 0} loading={apply.isPending} onClick={() => apply.mutate()} data-testid="apply">
          {count === 0 ? t('nothing') : t('apply', numberText(count))}
        </Button>,
      ]}
    >
      {apply.isError && <Problem error={apply.error} />}
      {preview.isError ? <Problem error={preview.error} onRetry={() => void preview.refetch()} />
        : data === undefined ? <Flex vertical gap={8}><span role="status">{t('reading')}</span><Skeleton active /></Flex>
        : data.total === 0 ? <Empty />
        : <Content preview={data} ticked={ticked} confirmed={confirmed} onTick={setTicked} onConfirm={setConfirmed} />}
    </Modal>
  );
}
