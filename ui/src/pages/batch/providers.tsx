import { Tag } from 'antd';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { BatchList } from './list';

export default function Providers() {
  const t = useTexts(batchTexts);
  return (
    <BatchList kind="providers" filters={['group', 'type', 'vendor']} columns={[
      { title: t('type'), dataIndex: 'providerType' },
      { title: t('vendor'), dataIndex: 'vendor', render: (vendor: string | null) => vendor ?? '—' },
      { title: t('group'), dataIndex: 'groupTag', render: (tags: string | null) => tags?.split(',').map((tag) => <Tag key={tag}>{tag}</Tag>) ?? '—' },
      { title: t('priority'), dataIndex: 'priority', align: 'right' },
      { title: t('weight'), dataIndex: 'weight', align: 'right' },
      { title: t('multiplier'), dataIndex: 'costMultiplier', align: 'right' },
    ]} />
  );
}
