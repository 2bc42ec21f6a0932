import { Result } from 'antd';
import { Link } from 'react-router';
import { useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';

export default function Missing() {
  const t = useTexts(commonTexts);
  return <Result status="404" title={t('pageMissing')} extra={<Link to="/">{t('toStart')}</Link>} />;
}
