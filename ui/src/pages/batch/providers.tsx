import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { Tags } from '../../parts/tags';
import { BatchList } from './list';

const TYPES = ['claude', 'claude-auth', 'codex', 'gemini', 'gemini-cli', 'openai-compatible'];

export default function Providers() {
  const t = useTexts(batchTexts);
  return (
    <BatchList kind="providers" filters={[
      { name: 'type', label: t('type'), choices: TYPES }, { name: 'group', label: t('group') }, { name: 'vendor', label: t('vendor') },
    ]} columns={[
      { title: t('type'), key: 'providerType', sorter: true, dataIndex: 'providerType' },
      { title: t('vendor'), key: 'vendor', sorter: true, dataIndex: 'vendor', render: (vendor: string | null) => vendor ?? '—' },
      { title: t('group'), dataIndex: 'groupTag', render: (tags: string | null) => <Tags names={tags?.split(',')} /> },
      { title: t('priority'), key: 'priority', sorter: true, dataIndex: 'priority', align: 'right' },
      { title: t('weight'), key: 'weight', sorter: true, dataIndex: 'weight', align: 'right' },
      { title: t('multiplier'), key: 'costMultiplier', sorter: true, dataIndex: 'costMultiplier', align: 'right' },
    ]} />
  );
}
