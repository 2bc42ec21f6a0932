// What an import does, or would do, to each table.
import { Checkbox, Collapse, Flex, Table, Tooltip } from 'antd';
import { useState } from 'react';
import type { Event } from '../../api/events';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { durationText, numberText } from '../../i18n/format';

interface TableFigures {
  table: string;
  added?: number; updated?: number; identical?: number; conflicting?: number; failed?: number; foreignParent?: number;
  firstConflicting?: string; firstFailed?: string; failedBy?: string; firstForeignParent?: string;
  oldRows?: number; newRows?: number; created?: boolean;
}

interface Schema {
  tablesOnlyHere: string[]; tablesOnlyThere: string[]; columnsOnlyHere: string[]; columnsOnlyThere: string[]; notCreated: string[];
}

const changes = (row: TableFigures) =>
  (row.oldRows ?? 0) !== (row.newRows ?? 0) || row.created === true
  || [row.added, row.updated, row.conflicting, row.failed, row.foreignParent].some((count) => (count ?? 0) > 0);

/** A count; what is not as it should be says its first row. */
function Count({ value, first }: { value: number | undefined; first?: string }) {
  if (value === undefined || value === 0)
    return <span className="muted">0</span>;
  const shown = <strong>{numberText(value)}</strong>;
  return first === undefined ? shown : <Tooltip title={first}><span tabIndex={0} className="hint">{shown}</span></Tooltip>;
}

function Differences({ schema }: { schema: Schema }) {
  const t = useTexts(dataTexts);
  const here = [...schema.tablesOnlyHere, ...schema.columnsOnlyHere], there = [...schema.tablesOnlyThere, ...schema.columnsOnlyThere];
  const lists = [
    { key: 'onlyHere', names: here }, { key: 'onlyThere', names: there }, { key: 'notCreated', names: schema.notCreated },
  ] as const;
  const shown = lists.filter(({ names }) => names.length > 0);
  if (shown.length === 0)
    return null;
  return (
    <Collapse size="small" items={[{
      key: 'schema', label: t('schemaDifferences'),
      children: shown.map(({ key, names }) => (
        <div key={key}><strong>{t(key)}</strong><ul className="list">{names.map((name) => <li key={name} className="mono wrap">{name}</li>)}</ul></div>
      )),
    }]} />
  );
}

export function Figures({ event, merge }: { event: Event; merge: boolean }) {
  const t = useTexts(dataTexts);
  const rows = (event.tableResults ?? []) as TableFigures[];
  const [changedOnly, setChangedOnly] = useState(rows.some(changes));
  const schema = event.schema as Schema | undefined;
  const count = (title: string, value: (row: TableFigures) => number | undefined, first?: (row: TableFigures) => string | undefined) => ({
    title, align: 'right' as const, render: (_: unknown, row: TableFigures) => <Count value={value(row)} first={first?.(row)} />,
  });
  const columns = merge
    ? [
      count(t('added'), (row) => row.added),
      count(t('updated'), (row) => row.updated),
      count(t('identical'), (row) => row.identical),
      count(t('conflicting'), (row) => row.conflicting, (row) => row.firstConflicting && t('firstKey', row.firstConflicting)),
      count(t('failed'), (row) => row.failed, (row) => row.firstFailed && t('firstKey', `${row.firstFailed} ${row.failedBy ?? ''}`)),
      count(t('foreignParent'), (row) => row.foreignParent, (row) => row.firstForeignParent && t('firstKey', row.firstForeignParent)),
    ]
    : [count(t('liveRows'), (row) => row.oldRows), count(t('archiveRows'), (row) => row.newRows)];
  const totals = event.totals as TableFigures | undefined;
  return (
    <Flex vertical gap={8} data-testid="figures">
      <Flex justify="space-between" gap={8} wrap>
        <Checkbox checked={changedOnly} onChange={({ target }) => setChangedOnly(target.checked)}>{t('changedOnly')}</Checkbox>
        {typeof event.estimateMs === 'number' && <span className="muted">{t('timeNeeded', durationText(event.estimateMs))}</span>}
      </Flex>
      <Table<TableFigures>
        size="small"
        rowKey="table"
        dataSource={changedOnly ? rows.filter(changes) : rows}
        pagination={false}
        scroll={{ x: 'max-content', y: 360 }}
        locale={{ emptyText: t('previewNone') }}
        columns={[
          { title: t('table'), dataIndex: 'table', render: (name: string, row) =>
            <span className="mono">{name}{row.created ? ` · ${t('onlyThere')}` : ''}</span> },
          ...columns,
        ]}
        summary={() => totals !== undefined && (
          <Table.Summary.Row>
            <Table.Summary.Cell index={0}><strong>{t('total')}</strong></Table.Summary.Cell>
            {columns.map((column, index) => (
              <Table.Summary.Cell key={index} index={index + 1} align="right">{column.render(undefined, totals)}</Table.Summary.Cell>
            ))}
          </Table.Summary.Row>
        )}
      />
      {schema !== undefined && <Differences schema={schema} />}
    </Flex>
  );
}
