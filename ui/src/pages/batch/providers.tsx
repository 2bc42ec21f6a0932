import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { Tags } from '../../parts/tags';
import { BatchList } from './list';

export default function Providers() {
  const t = useTexts(batchTexts);
  return (
    <BatchList kind="providers" filters={['group', 'type', 'vendor']} columns={[
      { title: t('type'), dataIndex: 'providerType' },
      { title: t('vendor'), dataIndex: 'vendor', render: (vendor: string | null) => vendor ?? '—' },
      { title: t('group'), dataIndex: 'groupTag', render: (tags: string | null) => <Tags names={tags?.split(',')} /> },
      { title: t('priority'), dataIndex: 'priority', align: 'right' },
      { title: t('weight'), dataIndex: 'weight', align: 'right' },
      { title: t('multiplier'), dataIndex: 'costMultiplier', align: 'right' },
    ]} />
  );
}
