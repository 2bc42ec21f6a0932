// The start: what needs attention, and how much the hub was used.
import { CheckCircleOutlined, ReloadOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Card, Col, Empty, Flex, Row, Skeleton, Statistic, theme } from 'antd';
import { lazy, Suspense } from 'react';
import { Link } from 'react-router';
import { api, ask } from '../api/client';
import type { components } from '../api/schema';
import { useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';
import { numberText, timeText } from '../i18n/format';
import { overviewTexts } from '../i18n/overview';
import { Page } from '../parts/page';

type Overview = components['schemas']['Overview'];

const Chart = lazy(() => import('../parts/charts'));

/** Where each kind of thing is dealt with. */
const PLACES: Record<string, string> = {
  backup: '/data', disk: '/data', tmp: '/data', tools: '/data', schema: '/data',
  priceSync: '/prices', unpriced: '/prices?tab=unpriced', circuits: '/providers',
};

function Attention({ items }: { items: Overview['attention'] }) {
  const t = useTexts(overviewTexts);
  if (items.length === 0)
    return <Alert type="success" showIcon icon={<CheckCircleOutlined />} title={t('allWell')} />;
  return (
    <Flex vertical gap={8} role="list" aria-label={t('attention')}>
      {items.map(({ kind, level, text }, index) => (
        <Alert
          key={`${kind}-${index}`} role="listitem" type={level} showIcon title={text}
          action={PLACES[kind] !== undefined && <Link to={PLACES[kind]}>{t(kind === 'backup' ? 'makeBackup' : 'see')}</Link>}
        />
      ))}
    </Flex>
  );
}

/** Money for a chart's picture and a sum's last shown digit: never for anything that is stored. */
const usd = (value: number) =>
  new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD', maximumFractionDigits: value >= 100 ? 0 : 2 }).format(value);

function Usage({ usage }: { usage: NonNullable<Overview['usage']> }) {
  const t = useTexts(overviewTexts);
  const { token } = theme.useToken();
  const rows = usage.days.map(({ date, requests, failures, costUsd }) =>
    ({ date, succeeded: requests - failures, failures, cost: Number(costUsd) }));
  const requests = usage.days.reduce((sum, { requests: n }) => sum + n, 0);
  const failures = usage.days.reduce((sum, { failures: n }) => sum + n, 0);
  const cost = rows.reduce((sum, row) => sum + row.cost, 0);
  if (requests === 0)
    return <Card><Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('noUsage')} /></Card>;
  return (
    <Row gutter={[16, 16]}>
      <Col xs={24} xl={12}>
        <Card title={t('requestsTitle')} extra={
          <span className="muted">{numberText(requests)} · {t('failureRate')} {(100 * failures / requests).toFixed(1)}%</span>}>
          <Suspense fallback={<Skeleton active />}>
            <Chart kind="bars" label={t('requestsTitle')} rows={rows} format={numberText} series={[
              { key: 'succeeded', label: t('succeeded'), color: token.colorPrimary },
              { key: 'failures', label: t('failures'), color: token.colorError },
            ]} />
          </Suspense>
        </Card>
      </Col>
      <Col xs={24} xl={12}>
        <Card title={t('costTitle')} extra={<span className="muted">{usd(cost)}</span>}>
          <Suspense fallback={<Skeleton active />}>
            <Chart kind="area" label={t('costTitle')} rows={rows} format={usd}
                   series={[{ key: 'cost', label: t('cost'), color: token.colorSuccess }]} />
          </Suspense>
        </Card>
      </Col>
    </Row>
  );
}

export default function OverviewPage() {
  const t = useTexts(overviewTexts);
  const common = useTexts(commonTexts);
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const overview = useQuery({
    queryKey: ['overview', timeZone],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/overview', { params: { query: { timeZone } }, signal })),
  });
  const counts = overview.data?.counts;
  const figures = [
    { key: 'users', title: common('users'), to: '/users', value: counts?.users },
    { key: 'keys', title: common('keys'), to: '/keys', value: counts?.keys },
    { key: 'providers', title: common('providers'), to: '/providers', value: counts?.providers },
    { key: 'models', title: t('models'), to: '/prices', value: counts?.models },
  ];
  return (
    <Page
      title={common('overview')}
      loading={overview.isPending}
      error={overview.isError ? overview.error : undefined}
      onRetry={() => void overview.refetch()}
      extra={<Button icon={<ReloadOutlined />} loading={overview.isFetching} onClick={() => void overview.refetch()}>
        {common('refresh')}</Button>}
    >
      {overview.data !== undefined && (
        <>
          <Attention items={overview.data.attention} />
          <Row gutter={[16, 16]}>
            {figures.map(({ key, title, to, value }) => (
              <Col key={key} xs={12} lg={6} xl={4}>
                <Link to={to}><Card size="small" hoverable><Statistic title={title} value={value ?? '—'} /></Card></Link>
              </Col>
            ))}
            <Col xs={24} lg={24} xl={8}>
              <Link to="/data">
                <Card size="small" hoverable>
                  <Statistic title={t('lastBackup')}
                             value={overview.data.backup === null ? t('never') : timeText(overview.data.backup.lastAt)} />
                </Card>
              </Link>
            </Col>
          </Row>
          {overview.data.usage === null
            ? <Card><Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t('noUsage')} /></Card>
            : <Usage usage={overview.data.usage} />}
        </>
      )}
    </Page>
  );
}
