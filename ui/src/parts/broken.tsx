// When a page throws, or its file cannot be fetched (a new version was installed meanwhile: loading anew helps).
import { Button, Result } from 'antd';
import { useRouteError } from 'react-router';
import { useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';

export function Broken() {
  const t = useTexts(commonTexts);
  const error = useRouteError();
  return (
    <Result
      status="error"
      title={t('pageBroken')}
      subTitle={error instanceof Error ? error.message : undefined}
      extra={<Button type="primary" onClick={() => location.reload()}>{t('retry')}</Button>}
    />
  );
}
