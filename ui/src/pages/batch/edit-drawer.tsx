// Bulk edit: every field is off until it is switched on; a preview of each row's changes; then all of them or none.
import { useMutation } from '@tanstack/react-query';
import { App, Button, Checkbox, Drawer, Flex, Switch, Table, Typography } from 'antd';
import { useState } from 'react';
import { asApiError } from '../../api/error';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { differences } from '../../parts/diff';
import { Problem } from '../../parts/problem';
import { type Answer, type Field, type Kind, update, useFields } from './data';
import { type Draft, emptyDraft, ValueInput, valueOf } from './value';

interface Choice {
  draft: Draft;
  clear: boolean;
}
type Choices = Record<string, Choice>;

const shown = (value: unknown) =>
  (value === null || value === undefined || value === '' ? '—' : typeof value === 'object' ? JSON.stringify(value) : String(value));

function FieldRow({ field, choice, onChange }: { field: Field; choice: Choice | undefined; onChange: (choice: Choice | undefined) => void }) {
  const t = useTexts(batchTexts);
  return (
    <Flex vertical gap={6} className="row">
      <Flex gap={10} align="center" justify="space-between">
        <label className="field-name">
          <Switch size="small" checked={choice !== undefined} aria-label={t('change', field.label)}
                  onChange={(on) => onChange(on ? { draft: emptyDraft(field), clear: false } : undefined)} />
          <span>{field.label}</span>
        </label>
        {choice !== undefined && field.nullable &&
          <Checkbox checked={choice.clear} onChange={({ target }) => onChange({ ...choice, clear: target.checked })}>{t('clear')}</Checkbox>}
      </Flex>
      {choice !== undefined && !choice.clear &&
        <ValueInput field={field} draft={choice.draft} onChange={(draft) => onChange({ ...choice, draft })} />}
    </Flex>
  );
}

function Preview({ answer, fields }: { answer: Answer; fields: readonly Field[] }) {
  const t = useTexts(batchTexts);
  const labels = new Map(fields.map(({ name, label }) => [name, label]));
  const rows = (answer.rows ?? []).flatMap(({ id, name, before, after }) =>
    Object.keys(after).filter((field) => differences(before[field], after[field], field).length > 0)
      .map((field) => ({ key: `${id} ${field}`, id, name, field, before: before[field], after: after[field] })));
  return (
    <Table
      size="small" rowKey="key" dataSource={rows} scroll={{ x: 'max-content' }} locale={{ emptyText: t('unchanged') }}
      pagination={{ pageSize: 50, showSizeChanger: false, hideOnSinglePage: true }}
      columns={[
        { title: t('name'), dataIndex: 'name', render: (name: string, { id }) => `${name} #${id}` },
        { title: t('field'), dataIndex: 'field', render: (field: string) => labels.get(field) ?? field },
        { title: t('before'), dataIndex: 'before', render: (value) => <span className="mono wrap">{shown(value)}</span> },
        { title: t('after'), dataIndex: 'after', render: (value) => <strong className="mono wrap">{shown(value)}</strong> },
      ]}
    />
  );
}

/** A refusal that is about users names them. */
function Refusal({ error }: { error: unknown }) {
  const t = useTexts(batchTexts);
  const params = asApiError(error).body?.errorParams as { users?: Array<{ id: number; name: string }> } | undefined;
  return (
    <Problem error={error}>
      {params?.users !== undefined && (
        <span>{t('lastKey')} {params.users.map(({ id, name }) => <a key={id} href={`keys?user=${id}`}>{name} </a>)}</span>
      )}
    </Problem>
  );
}

interface Props {
  kind: Kind;
  ids: number[];
  onClose: () => void;
  onDone: () => void;
}

export function EditDrawer({ kind, ids, onClose, onDone }: Props) {
  const t = useTexts(batchTexts);
  const common = useTexts(commonTexts);
  const { message } = App.useApp();
  const fields = useFields(kind).filter(({ patchOnly }) => !patchOnly);
  const [choices, setChoices] = useState<Choices>({});
  const chosen = fields.filter(({ name }) => choices[name] !== undefined);
  const updates = Object.fromEntries(chosen.map((field) =>
    [field.name, choices[field.name]?.clear ? null : valueOf(field, choices[field.name]?.draft ?? '')]));
  const broken = chosen.some(({ name }) => updates[name] === undefined);
  const preview = useMutation({ mutationFn: () => update(kind, ids, updates, true) });
  const apply = useMutation({
    mutationFn: () => update(kind, ids, updates, false),
    onSuccess: ({ updatedCount, warnings }) => {
      void message.success(t('applied', numberText(updatedCount)));
      warnings?.forEach((warning) => void message.warning(warning));
      onDone();
    },
  });
  const change = (name: string, choice: Choice | undefined) => {
    preview.reset();
    apply.reset();
    const { [name]: _, ...rest } = choices;
    setChoices(choice === undefined ? rest : { ...rest, [name]: choice });
  };
  const answer = preview.data;
  const count = numberText(ids.length);
  return (
    <Drawer
      open size={640} onClose={onClose} title={t('editTitle', count)} closable={{ 'aria-label': common('close') }}
      footer={
        <Flex justify="end" gap={8}>
          {answer === undefined ? <Button onClick={onClose}>{common('cancel')}</Button>
            : <Button onClick={() => { preview.reset(); apply.reset(); }}>{t('back')}</Button>}
          {answer === undefined
            ? <Button type="primary" disabled={chosen.length === 0 || broken} loading={preview.isPending} onClick={() => preview.mutate()}
                      data-testid="batch-preview">{t('preview')}</Button>
            : <Button type="primary" loading={apply.isPending} onClick={() => apply.mutate()} data-testid="batch-apply">{t('apply', count)}</Button>}
        </Flex>
      }
    >
      <Flex vertical gap={12}>
        {preview.isError && <Refusal error={preview.error} />}
        {apply.isError && <Refusal error={apply.error} />}
        {broken && <Typography.Text type="danger">{t('invalid')}</Typography.Text>}
        {answer !== undefined
          ? <><Typography.Text strong>{t('previewTitle')}</Typography.Text><Preview answer={answer} fields={fields} /></>
          : <>
              <Typography.Text type="secondary">{t('editHint')}</Typography.Text>
              {fields.map((field) => <FieldRow key={field.name} field={field} choice={choices[field.name]}
                                               onChange={(choice) => change(field.name, choice)} />)}
            </>}
      </Flex>
    </Drawer>
  );
}
