// The changes of a preview, a line for each cell, and which rows are left out.
import { Checkbox, Table, Tag, type TableColumnsType } from 'antd';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { type Cell, type Field } from './data';

export const shown = (value: unknown) =>
  (value === null || value === undefined || value === '' ? '—' : Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.join(', ') || '—'
    : typeof value === 'object' ? JSON.stringify(value) : String(value));

interface Props {
  cells: readonly Cell[];
  fields: readonly Field[];
  left?: { out: ReadonlySet<number>; onChange: (out: ReadonlySet<number>) => void }; // none: every row is in
}

export function Cells({ cells, fields, left }: Props) {
  const t = useTexts(batchTexts);
  const labels = new Map(fields.flatMap(({ name, column, label }) => [[name, label], [column, label]]));
  const rows = cells.filter(({ status }) => status !== 'unchanged');
  const toggle = (id: number, on: boolean) => {
    const out = new Set(left?.out);
    if (on)
      out.delete(id);
    else
      out.add(id);
    left?.onChange(out);
  };
  const boxes: TableColumnsType<Cell> = left === undefined ? [] : [{
    title: t('included'), width: 64,
    render: (_, { id, name, status }, index) => (index > 0 && rows[index - 1]?.id === id) || status === 'skipped' ? null
      : <Checkbox checked={!left.out.has(id)} onChange={({ target }) => toggle(id, target.checked)} aria-label={t('include', `${name} #${id}`)} />,
  }];
  return (
    <Table<Cell>
      size="small" rowKey={({ id, field }) => `${id} ${field}`} dataSource={rows} scroll={{ x: 400 }}
      locale={{ emptyText: t('unchanged') }}
      rowClassName={({ id, status }) => (left?.out.has(id) === true || status === 'skipped' ? 'left-out' : '')}
      pagination={{ pageSize: 50, showSizeChanger: false, hideOnSinglePage: true }}
      columns={[
        ...boxes,
        { title: t('name'), render: (_, { id, name, field }) => <span className="choice">{`${name} #${id}`}<small>{labels.get(field) ?? field}</small></span> },
        { title: t('before'), dataIndex: 'before', render: (value) => <span className="mono wrap">{shown(value)}</span> },
        { title: t('after'), render: (_, { status, after, skipReason }) =>
          status === 'skipped' ? <Tag title={skipReason}>{t('skipped')}</Tag> : <strong className="mono wrap">{shown(after)}</strong> },
      ]}
    />
  );
}
