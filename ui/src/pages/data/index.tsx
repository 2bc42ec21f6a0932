// The database: its state, backups out and in, the way back.
import { ReloadOutlined } from '@ant-design/icons';
import { Button, Col, Row } from 'antd';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { Page } from '../../parts/page';
import { ExportCard } from './export-card';
import { ImportCard } from './import-card';
import { PreviousCard } from './previous-card';
import { useStatus } from './status';
import { StatusCard } from './status-card';

export default function Data() {
  const common = useTexts(commonTexts);
  const status = useStatus();
  return (
    <Page
      title={common('data')}
      loading={status.isPending}
      error={status.isError && status.data === undefined ? status.error : undefined}
      onRetry={() => void status.refetch()}
      extra={<Button icon={<ReloadOutlined />} loading={status.isFetching} onClick={() => void status.refetch()}>
        {common('refresh')}</Button>}
    >
      {status.data !== undefined && (
        <>
          <StatusCard status={status.data} />
          <Row gutter={[16, 16]}>
            <Col xs={24} xl={14}><ImportCard status={status.data} /></Col>
            <Col xs={24} xl={10}>
              <Row gutter={[16, 16]}>
                <Col span={24}><ExportCard status={status.data} /></Col>
                <Col span={24}><PreviousCard status={status.data} /></Col>
              </Row>
            </Col>
          </Row>
        </>
      )}
    </Page>
  );
}
