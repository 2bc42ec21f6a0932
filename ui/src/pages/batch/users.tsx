import { Link } from 'react-router';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { Tags } from '../../parts/tags';
import type { Item } from './data';
import { limitsOf } from './limits';
import { BatchList } from './list';

export default function Users() {
  const t = useTexts(batchTexts);
  return (
    <BatchList kind="users" filters={[
      { name: 'role', label: t('role'), choices: ['user', 'admin'] }, { name: 'group', label: t('group') }, { name: 'tag', label: t('tag') }, { name: 'user', label: t('userId') },
    ]} columns={[
      { title: t('tags'), dataIndex: 'tags', render: (tags: string[] | null) => <Tags names={tags} /> },
      { title: t('group'), dataIndex: 'providerGroup' },
      { title: 'RPM', key: 'rpm', sorter: true, dataIndex: 'rpm', align: 'right', render: (rpm: number | null) => rpm ?? '—' },
      { title: t('limits'), render: (_, item: Item) => limitsOf(item) },
      { title: t('keysOf'), align: 'right', render: (_, { id, keyCount, enabledKeyCount }: Item) =>
        <Link to={`/keys?user=${id}`}>{`${String(enabledKeyCount)} / ${String(keyCount)}`}</Link> },
    ]} />
  );
}
