// A field of the bulk edit: off, or how it changes. What the selected rows have now stands beside it.
import { Flex, Segmented, Switch, Tag } from 'antd';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { shown } from './cells';
import type { Change, Field, Item } from './data';
import { type Draft, emptyDraft, ValueInput, valueOf } from './value';

export type Mode = 'set' | 'add' | 'remove' | 'clear';

export interface Choice {
  mode: Mode;
  draft: Draft;
}

/** What is sent; undefined: the text is no JSON where it has to be. */
export function changeOf(field: Field, { mode, draft }: Choice): Change | undefined {
  if (mode === 'clear')
    return { clear: true };
  const value = valueOf(field, draft);
  return value === undefined ? undefined : mode === 'set' ? { set: value } : mode === 'add' ? { add: value } : { remove: value };
}

const modesOf = (field: Field): Mode[] => [
  'set', ...(field.type === 'texts' || field.type === 'groups' ? ['add', 'remove'] as const : []), ...(field.clearable ? ['clear'] as const : []),
];

/** One value for all, or that they differ. */
function Now({ field, items }: { field: Field; items: readonly Item[] }) {
  const t = useTexts(batchTexts);
  const values = new Set(items.map((item) => JSON.stringify(item[field.name] ?? null)));
  if (values.size === 0)
    return null;
  if (values.size > 1)
    return <Tag className="now">{t('mixed', values.size)}</Tag>;
  const [only] = values;
  return <span className="muted now mono" title={t('now')}>{shown(JSON.parse(only ?? 'null'))}</span>;
}

interface Props {
  field: Field;
  items: readonly Item[];
  choice: Choice | undefined;
  onChange: (choice: Choice | undefined) => void;
}

export function FieldRow({ field, items, choice, onChange }: Props) {
  const t = useTexts(batchTexts);
  const modes = modesOf(field);
  return (
    <Flex vertical gap={6} className="row" data-field={field.name}>
      <Flex gap={10} align="center" justify="space-between">
        <label className="field-name">
          <Switch size="small" checked={choice !== undefined} aria-label={t('change', field.label)}
                  onChange={(on) => onChange(on ? { mode: 'set', draft: emptyDraft(field) } : undefined)} />
          <span>{field.label}</span>
        </label>
        <Now field={field} items={items} />
      </Flex>
      {choice !== undefined && modes.length > 1 &&
        <Segmented<Mode> size="small" value={choice.mode} onChange={(mode) => onChange({ ...choice, mode })} aria-label={t('how', field.label)}
                         options={modes.map((mode) => ({ value: mode, label: t(`mode_${mode}`) }))} className="modes" />}
      {choice !== undefined && choice.mode !== 'clear' &&
        <ValueInput field={field} draft={choice.draft} onChange={(draft) => onChange({ ...choice, draft })} />}
    </Flex>
  );
}
