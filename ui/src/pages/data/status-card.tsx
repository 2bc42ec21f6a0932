import { Badge, Card, Descriptions, Tag } from 'antd';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { numberText, timeText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import type { Status } from './status';

const REDIS = { ok: 'success', down: 'error', off: 'default' } as const;
const REDIS_TEXT = { ok: 'redisOk', down: 'redisDown', off: 'redisOff' } as const;

export function useHolderText() {
  const t = useTexts(dataTexts);
  return (lock: NonNullable<Status['lock']>) => {
    const key = `operation_${lock.operation}`;
    const operation = key in dataTexts ? t(key as keyof typeof dataTexts) : lock.operation;
    return t('heldBy', lock.user, operation, timeText(lock.since));
  };
}

export function StatusCard({ status }: { status: Status }) {
  const t = useTexts(dataTexts);
  const holderText = useHolderText();
  const { pgDump, pgRestore } = status.tools;
  return (
    <Card title={t('statusTitle')} size="small" extra={
      <Badge status={status.isAvailable ? 'success' : 'error'} text={t(status.isAvailable ? 'available' : 'notAvailable')} />}>
      {status.error !== undefined && <Problem error={new Error(status.error)} />}
      <Descriptions size="small" column={{ xs: 1, sm: 2, lg: 4 }} items={[
        { key: 'database', label: t('database'), children: <strong className="wrap">{status.databaseName}</strong> },
        { key: 'server', label: t('server'), children: <span className="wrap">{status.containerName}</span> },
        { key: 'version', label: 'PostgreSQL', children: status.postgresVersion },
        { key: 'size', label: t('size'), children: status.databaseSize },
        { key: 'tables', label: t('tables'), children: numberText(status.tableCount) },
        { key: 'redis', label: 'Redis', children: <Tag color={REDIS[status.redis]}>{t(REDIS_TEXT[status.redis])}</Tag> },
        { key: 'tools', label: t('tools'),
          children: `pg_dump ${pgDump || t('toolMissing')} · pg_restore ${pgRestore || t('toolMissing')}` },
        { key: 'activity', label: t('activity'),
          children: status.lock ? <Badge status="processing" text={holderText(status.lock)} /> : t('idle') },
      ]} />
    </Card>
  );
}
