// The price table: what is in force, uploads and syncs with a preview, models that cost nothing.
import { DownloadOutlined, InboxOutlined, PlusOutlined, UploadOutlined } from '@ant-design/icons';
import { Button, Dropdown, Modal, Tabs, Upload } from 'antd';
import { useState } from 'react';
import { addressOf } from '../../api/client';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { pricesTexts } from '../../i18n/prices';
import { useAddress } from '../../parts/address';
import { Page } from '../../parts/page';
import { type Source, uploadOf } from './data';
import { Models } from './models';
import { PreviewWindow } from './preview';
import { SyncCard } from './sync-card';
import { Unpriced, useUnpriced } from './unpriced';

function UploadButton() {
  const t = useTexts(pricesTexts);
  const [choosing, setChoosing] = useState(false);
  const [source, setSource] = useState<Source>();
  const take = (file: File) => {
    void file.text().then((content) => {
      setChoosing(false);
      setSource(uploadOf(content));
    });
    return false;
  };
  return (
    <>
      <Button icon={<UploadOutlined />} onClick={() => setChoosing(true)} data-testid="upload">{t('upload')}</Button>
      <Modal open={choosing} title={t('upload')} footer={null} onCancel={() => setChoosing(false)} destroyOnHidden>
        <Upload.Dragger accept=".json,.toml" maxCount={1} showUploadList={false} beforeUpload={take}>
          <p className="ant-upload-drag-icon"><InboxOutlined /></p>
          <p className="ant-upload-text">{t('drop')}</p>
          <p className="ant-upload-hint">{t('dropHint')}</p>
        </Upload.Dragger>
      </Modal>
      {source !== undefined && <PreviewWindow source={source} title={t('upload')} onClose={() => setSource(undefined)} />}
    </>
  );
}

export default function Prices() {
  const t = useTexts(pricesTexts);
  const common = useTexts(commonTexts);
  const [address, change] = useAddress();
  const unpriced = useUnpriced().data?.total ?? 0;
  const exportTo = (format: string) => location.assign(`${addressOf('/api/v1/model-prices:export')}?format=${format}`);
  return (
    <Page
      title={common('prices')}
      extra={
        <>
          <Dropdown trigger={['click']} menu={{ items: [{ key: 'json', label: 'JSON' }, { key: 'toml', label: 'TOML' }], onClick: ({ key }) => exportTo(key) }}>
            <Button icon={<DownloadOutlined />}>{t('export')}</Button>
          </Dropdown>
          <UploadButton />
          <Button type="primary" icon={<PlusOutlined />} onClick={() => change({ add: '1', edit: undefined, tab: undefined })}>{t('add')}</Button>
        </>
      }
    >
      <SyncCard />
      <Tabs
        activeKey={address.get('tab') ?? 'models'}
        onChange={(tab) => change({ tab: tab === 'models' ? undefined : tab, page: undefined })}
        destroyOnHidden
        items={[
          { key: 'models', label: t('models'), children: <Models /> },
          { key: 'unpriced', label: unpriced === 0 ? t('unpriced') : `${t('unpriced')} (${numberText(unpriced)})`,
            children: <Unpriced onSet={(model) => change({ tab: undefined, edit: model })} /> },
        ]}
      />
    </Page>
  );
}
