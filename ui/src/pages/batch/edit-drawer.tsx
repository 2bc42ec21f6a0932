// Bulk edit: every field is off until it is switched on; a preview of each row's changes, from which rows can be left out; then
// all of them or none.
import { useMutation, useQuery } from '@tanstack/react-query';
import { Button, Drawer, Flex, Input, Typography } from 'antd';
import { useState } from 'react';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { Cells } from './cells';
import { applyPatch, BATCH_MAX, type Kind, listOf, type Patch, previewPatch, useFields } from './data';
import { type Choice, changeOf, FieldRow } from './field-row';
import { Refusal } from './refusal';
import { useAnnounce } from './undo';

type Choices = Record<string, Choice>;

interface Props {
  kind: Kind;
  ids: number[];
  onClose: () => void;
  onDone: () => void;
}

export function EditDrawer({ kind, ids, onClose, onDone }: Props) {
  const t = useTexts(batchTexts);
  const common = useTexts(commonTexts);
  const announce = useAnnounce();
  const fields = useFields(kind);
  const [choices, setChoices] = useState<Choices>({});
  const [search, setSearch] = useState('');
  const [out, setOut] = useState<ReadonlySet<number>>(new Set());
  const items = useQuery({
    queryKey: ['batch', kind, 'selected', ids],
    queryFn: ({ signal }) => listOf(kind, { ids: ids.join(','), pageSize: BATCH_MAX }, signal),
  });
  const chosen = fields.filter(({ name }) => choices[name] !== undefined);
  const patch: Patch = {};
  for (const field of chosen) {
    const change = changeOf(field, choices[field.name]!);
    if (change !== undefined)
      patch[field.name] = change;
  }
  const broken = Object.keys(patch).length < chosen.length;
  const preview = useMutation({ mutationFn: () => previewPatch(kind, ids, patch), onSuccess: () => setOut(new Set()) });
  const seen = preview.data;
  const apply = useMutation({
    mutationFn: () => applyPatch(kind, ids, patch, seen!, [...out]),
    onSuccess: ({ updatedCount, warnings, operationId, undoToken }) => {
      announce(t('applied', numberText(updatedCount)), [{ kind, action: 'patch', operationId, undoToken }], warnings);
      onDone();
    },
  });
  const back = () => {
    preview.reset();
    apply.reset();
  };
  const change = (name: string, choice: Choice | undefined) => {
    back();
    const { [name]: _, ...rest } = choices;
    setChoices(choice === undefined ? rest : { ...rest, [name]: choice });
  };
  const wanted = search.trim().toLowerCase();
  const changing = new Set(seen?.cells.filter(({ id, status }) => status === 'changed' && !out.has(id)).map(({ id }) => id)).size;
  return (
    <Drawer
      open size={680} onClose={onClose} title={t('editTitle', numberText(ids.length))} closable={{ 'aria-label': common('close') }}
      footer={
        <Flex justify="end" gap={8}>
          {seen === undefined ? <Button onClick={onClose}>{common('cancel')}</Button> : <Button onClick={back}>{t('back')}</Button>}
          {seen === undefined
            ? <Button type="primary" disabled={chosen.length === 0 || broken} loading={preview.isPending} onClick={() => preview.mutate()}
                      data-testid="batch-preview">{t('preview')}</Button>
            : <Button type="primary" loading={apply.isPending} disabled={changing === 0} onClick={() => apply.mutate()}
                      data-testid="batch-apply">{t('apply', numberText(changing))}</Button>}
        </Flex>
      }
    >
      <Flex vertical gap={12}>
        {preview.isError && <Refusal error={preview.error} />}
        {apply.isError && <Refusal error={apply.error} onAgain={() => {
          apply.reset();
          preview.mutate();
        }} />}
        {broken && <Typography.Text type="danger">{t('invalid')}</Typography.Text>}
        {seen !== undefined
          ? <>
              <Typography.Text strong>{t('previewTitle')}</Typography.Text>
              <Cells cells={seen.cells} fields={fields} left={{ out, onChange: setOut }} />
            </>
          : <>
              <Typography.Text type="secondary">{t('editHint')}</Typography.Text>
              {fields.length > 12 && <Input allowClear placeholder={t('searchField')} aria-label={t('searchField')} value={search}
                                            onChange={({ target }) => setSearch(target.value)} />}
              {fields.filter(({ name, label }) => choices[name] !== undefined || `${label} ${name}`.toLowerCase().includes(wanted)).map((field) =>
                <FieldRow key={field.name} field={field} items={items.data?.items ?? []} choice={choices[field.name]}
                          onChange={(choice) => change(field.name, choice)} />)}
            </>}
      </Flex>
    </Drawer>
  );
}
