// Why a bulk change was refused, with what leads on: the users whose last key it would be, the rows that others changed.
import { Button, Flex } from 'antd';
import { Link } from 'react-router';
import { asApiError } from '../../api/error';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { Problem } from '../../parts/problem';
import { shown } from './cells';

const SHOWN = 20;

interface Params {
  users?: Array<{ id: number; name: string }>;
  changed?: Array<{ id: number; name: string; field: string; expected: unknown; current: unknown }>;
}

interface Wrong {
  path: string;
  message: string;
}

export function Refusal({ error, onAgain }: { error: unknown; onAgain?: () => void }) {
  const t = useTexts(batchTexts);
  const { body, code } = asApiError(error);
  const chunks = body?.chunks as Array<{ errorParams?: Params }> | undefined;
  const { users = [], changed = [] } = (body?.errorParams ?? chunks?.find(({ errorParams }) => errorParams !== undefined)?.errorParams ?? {}) as Params;
  const wrong = (body?.invalidParams ?? []) as Wrong[];
  return (
    <Problem error={error}>
      <Flex vertical gap={4}>
        {users.length > 0 && (
          <span>{t('lastKey')} {users.map(({ id, name }) => <Link key={id} to={`/keys?user=${id}`} className="name-link">{name}</Link>)}</span>
        )}
        {changed.length > 0 && <span>{t('changedMeanwhile')}</span>}
        {changed.slice(0, SHOWN).map(({ id, name, field, expected, current }) =>
          <span key={`${id} ${field}`} className="mono wrap">{`${name} #${id} · ${field}: ${shown(expected)} → ${shown(current)}`}</span>)}
        {wrong.length > 1 && wrong.slice(0, SHOWN).map(({ path, message }) => <span key={path + message} className="mono wrap">{`${path} ${message}`}</span>)}
        {wrong.length > SHOWN && <span>…</span>}
        {code === 'PREVIEW_STALE' && onAgain !== undefined && <Button size="small" onClick={onAgain} className="start">{t('previewAgain')}</Button>}
      </Flex>
    </Problem>
  );
}
