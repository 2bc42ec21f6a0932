import { Link } from 'react-router';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import type { Item } from './data';
import { limitsOf } from './limits';
import { BatchList } from './list';

export default function Keys() {
  const t = useTexts(batchTexts);
  return (
    <BatchList kind="keys" filters={[{ name: 'group', label: t('group') }, { name: 'user', label: t('userId') }]} columns={[
      { title: t('owner'), key: 'userName', sorter: true, render: (_, { userId, userName }: Item) => <Link to={`/users?user=${String(userId)}`}>{String(userName ?? userId)}</Link> },
      { title: t('key'), dataIndex: 'keyLast4', render: (last: string) => <span className="mono">…{last}</span> },
      { title: t('group'), dataIndex: 'providerGroup' },
      { title: t('limits'), render: (_, item: Item) => limitsOf(item) },
    ]} />
  );
}
