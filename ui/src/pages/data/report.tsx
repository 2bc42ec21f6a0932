// What a backup file holds, before anything is chosen: when and by what it was made, its tables, what is unusual.
import { Alert, Collapse, Descriptions, Flex, Progress, Table, Typography } from 'antd';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { bytesText, numberText, timeText } from '../../i18n/format';
import type { Inspection, Report } from './inspection';
import { uploadText } from './upload-text';

type TableRow = Report['tables'][number];

function useWarnings(report: Report): string[] {
  const t = useTexts(dataTexts);
  const names = (list: readonly string[]) => list.join(', ');
  return [
    !report.hub && t('notHub'),
    !report.sealed && t('notSealed'),
    report.foreignCount > 0 && t('foreignCount', numberText(report.foreignCount)),
    report.schemas.length > 0 && t('otherSchemas', names(report.schemas)),
    report.extensions.length > 0 && t('extensions', names(report.extensions)),
    report.eventTriggers.length > 0 && t('eventTriggers', names(report.eventTriggers)),
    report.largeObjects > 0 && t('largeObjects', numberText(report.largeObjects)),
  ].filter((one) => one !== false);
}

function Tables({ tables }: { tables: readonly TableRow[] }) {
  const t = useTexts(dataTexts);
  return (
    <Table<TableRow>
      size="small" rowKey={({ schema, name }) => `${schema}.${name}`} dataSource={[...tables].sort((a, b) => b.bytes - a.bytes)}
      pagination={{ pageSize: 12, hideOnSinglePage: true, showSizeChanger: false, size: 'small' }}
      columns={[
        { title: t('table'), render: (_, { schema, name }) => <span className="mono wrap">{schema === 'public' ? name : `${schema}.${name}`}</span> },
        { title: t('rows'), dataIndex: 'rows', align: 'right', render: (rows: number | null) => (rows === null ? '—' : numberText(rows)) },
        { title: t('bytes'), dataIndex: 'bytes', align: 'right', render: (bytes: number) => bytesText(bytes) },
      ]}
    />
  );
}

function Known({ report }: { report: Report }) {
  const t = useTexts(dataTexts);
  const warnings = useWarnings(report);
  const { createdAt, database, serverVersion, dumpVersion, rows, bytes, tables } = report;
  return (
    <Flex vertical gap={12} data-testid="report">
      <Descriptions size="small" column={{ xs: 1, md: 2 }} title={t('reportTitle')} items={[
        { key: 'made', label: t('made'), children: createdAt === null ? '—' : createdAt.replace('T', ' ') },
        { key: 'rows', label: t('rows'), children: `${numberText(rows)} · ${bytesText(bytes)}` },
        { key: 'source', label: t('source'), span: 'filled', children: <span className="wrap">{t('madeBy', database, serverVersion, dumpVersion)}</span> },
        { key: 'logs', label: t('logs'), children: t(report.logs ? 'logsIn' : 'logsOut') },
        { key: 'integrity', label: t('integrity'), children: t(report.sealed ? 'sealed' : 'complete') },
        ...(report.migrations === null ? [] : [{ key: 'level', label: t('level'), children: `${numberText(report.migrations.count)} · ${timeText(report.migrations.lastCreatedAt)}` }]),
      ]} />
      {warnings.length > 0 &&
        <Alert type="warning" showIcon title={t('warnings')} description={<ul className="list">{warnings.map((one) => <li key={one} className="wrap">{one}</li>)}</ul>} />}
      <Collapse size="small" items={[{ key: 'tables', label: t('tablesIn', numberText(tables.length)), children: <Tables tables={tables} /> }]} />
    </Flex>
  );
}

/** On its way, or known; a refusal is shown by who asked. */
export function ReportView({ file, inspection }: { file: File; inspection: Inspection }) {
  const t = useTexts(dataTexts);
  if (inspection.report !== undefined)
    return <Known report={inspection.report} />;
  if (inspection.error !== undefined)
    return null;
  return (
    <Flex vertical gap={4} data-testid="inspecting">
      <Typography.Text>{t('uploading')}</Typography.Text>
      <Progress percent={Math.floor(100 * inspection.uploaded / Math.max(file.size, 1))} status="active" aria-label={t('uploading')} />
      <span role="status" className="muted">{uploadText(t, inspection.uploaded, file.size, inspection.started)}</span>
    </Flex>
  );
}
