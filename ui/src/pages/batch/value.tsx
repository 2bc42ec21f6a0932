// The control for a field's new value, by the field's type. Amounts and lists are texts here; valueOf() makes what is sent.
import { Input, Select, Switch } from 'antd';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import type { Field } from './data';

export type Draft = string | boolean;

export const emptyDraft = (field: Field): Draft => (field.type === 'bool' ? true : field.choices?.[0] ?? '');

/** What the server is sent; undefined: the text is no JSON where it has to be. */
export function valueOf(field: Field, draft: Draft): unknown {
  if (typeof draft === 'boolean')
    return draft;
  const text = draft.trim();
  switch (field.type) {
    case 'integer':
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case 'texts':
      return text === '' ? [] : text.split('\n').map((line) => line.trim()).filter(Boolean);
    case 'rules':
    case 'object':
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return undefined;
      }
    default:
      return field.type === 'text' ? draft : text;
  }
}

export function ValueInput({ field, draft, onChange }: { field: Field; draft: Draft; onChange: (draft: Draft) => void }) {
  const t = useTexts(batchTexts);
  const label = field.label;
  if (typeof draft === 'boolean')
    return <Switch checked={draft} onChange={onChange} aria-label={label} />;
  if (field.choices !== undefined)
    return <Select className="filter" value={draft} onChange={onChange} aria-label={label}
                   options={field.choices.map((value) => ({ value, label: value }))} />;
  if (field.type === 'texts' || field.type === 'rules' || field.type === 'object')
    return <Input.TextArea value={draft} onChange={({ target }) => onChange(target.value)} aria-label={label} spellCheck={false}
                           className="mono" autoSize={{ minRows: 2, maxRows: 10 }} placeholder={t(field.type === 'texts' ? 'list' : 'json')} />;
  const hint = field.min !== undefined && field.max !== undefined ? `${field.min} – ${field.max}` : undefined;
  return <Input value={draft} onChange={({ target }) => onChange(target.value)} aria-label={label} placeholder={hint}
                inputMode={field.type === 'integer' || field.type === 'decimal' ? 'decimal' : 'text'} />;
}
