// Before and after of a change, field by field.
import { Empty, Table, Typography } from 'antd';
import { useTexts } from '../i18n';
import { historyTexts } from '../i18n/history';

interface Row {
  field: string;
  before: unknown;
  after: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nested objects by paths: pricing.openai.input_cost_per_token. */
export function differences(before: unknown, after: unknown, path = ''): Row[] {
  if (isObject(before) || isObject(after)) {
    const left = isObject(before) ? before : {}, right = isObject(after) ? after : {};
    const names = [...new Set([...Object.keys(left), ...Object.keys(right)])];
    return names.flatMap((name) => differences(left[name], right[name], path === '' ? name : `${path}.${name}`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ field: path, before, after }];
}

const show = (value: unknown) =>
  value === undefined || value === null ? <Typography.Text type="secondary">—</Typography.Text>
    : <span className="mono wrap">{typeof value === 'string' ? value : JSON.stringify(value)}</span>;

export function Diff({ before, after }: { before: unknown; after: unknown }) {
  const t = useTexts(historyTexts);
  const rows = differences(before, after);
  if (rows.length === 0)
    return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('noValues')} />;
  return (
    <Table<Row>
      size="small"
      rowKey="field"
      dataSource={rows}
      pagination={rows.length > 50 ? { pageSize: 50, showSizeChanger: false } : false}
      scroll={{ x: 'max-content' }}
      columns={[
        { title: t('field'), dataIndex: 'field', render: (field: string) => <span className="mono">{field}</span> },
        { title: t('before'), dataIndex: 'before', render: show },
        { title: t('after'), dataIndex: 'after', render: show },
      ]}
    />
  );
}
