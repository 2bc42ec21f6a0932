// One model's price by hand. Amounts are texts from the field to the server: no digit is lost.
import { useMutation } from '@tanstack/react-query';
import { Alert, App, Button, Col, Divider, Drawer, Flex, Form, Input, Row, Select } from 'antd';
import { useMemo } from 'react';
import { api, ask } from '../../api/client';
import type { components } from '../../api/schema';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { pricesTexts } from '../../i18n/prices';
import { isPrice, perMillion, perToken, shift } from '../../parts/decimal';
import { Problem } from '../../parts/problem';
import { MODES, type ModelPrice, TOKEN_PRICES, UNIT_PRICES, useRefreshPrices } from './data';

type Single = components['schemas']['SinglePrice'];
type Values = Record<string, string | undefined> & { model: string; mode: Single['mode'] };

const OWN = new Set<string>([...TOKEN_PRICES.map(([name]) => name), ...UNIT_PRICES.map(([name]) => name),
  'mode', 'display_name', 'litellm_provider']);

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

function valuesOf(name: string, price: ModelPrice | undefined): Values {
  const data = price?.priceData ?? {};
  const mode = MODES.find((one) => one === data.mode) ?? 'chat';
  const values: Values = { model: name, mode, displayName: text(data.display_name), litellmProvider: text(data.litellm_provider) };
  for (const [stored, member] of TOKEN_PRICES)
    values[member] = perMillion(data[stored]);
  for (const [stored, member] of UNIT_PRICES)
    values[member] = data[stored] === undefined ? undefined : shift(String(data[stored]), 0);
  const rest = Object.fromEntries(Object.entries(data).filter(([key]) => !OWN.has(key)));
  values.extra = Object.keys(rest).length === 0 ? undefined : JSON.stringify(rest, null, 2);
  return values;
}

function bodyOf(values: Values): Single {
  const body: Single = { modelName: values.model.trim(), mode: values.mode };
  if (values.displayName?.trim())
    body.displayName = values.displayName.trim();
  if (values.litellmProvider?.trim())
    body.litellmProvider = values.litellmProvider.trim();
  for (const [, member] of TOKEN_PRICES) {
    const price = values[member]?.trim();
    if (price)
      body[member] = Number(perToken(price)); // the shortest text of the double is what was typed, up to 15 digits
  }
  for (const [, member] of UNIT_PRICES) {
    const price = values[member]?.trim();
    if (price)
      body[member] = Number(price);
  }
  if (values.extra?.trim())
    body.extraFieldsJson = values.extra; // as text: its digits stay
  return body;
}

interface Props {
  name: string; // '' for a new one
  price: ModelPrice | undefined;
  onClose: () => void;
}

export function EditDrawer({ name, price, onClose }: Props) {
  const t = useTexts(pricesTexts);
  const common = useTexts(commonTexts);
  const { message } = App.useApp();
  const refresh = useRefreshPrices();
  const [form] = Form.useForm<Values>();
  const initial = useMemo(() => valuesOf(name, price), [name, price]);
  const save = useMutation({
    mutationFn: (values: Values) => ask(api.PUT('/api/v1/model-prices/{modelName}', {
      params: { path: { modelName: values.model.trim() } }, body: bodyOf(values),
    })),
    onSuccess: ({ modelName }) => {
      void message.success(t('saved', modelName));
      void refresh();
      onClose();
    },
  });
  const amount = { validator: async (_: unknown, value: string | undefined) => {
    if (value?.trim() && !isPrice(value))
      throw new Error(t('priceInvalid'));
  } };
  const jsonObject = { validator: async (_: unknown, value: string | undefined) => {
    if (!value?.trim())
      return;
    let parsed: unknown;
    try {
      parsed = JSON.parse(value);
    } catch {
      throw new Error(t('extraInvalid'));
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      throw new Error(t('extraInvalid'));
  } };
  return (
    <Drawer
      open size={640} onClose={onClose} title={price === undefined ? t('addTitle') : t('editTitle', name)}
      closable={{ 'aria-label': common('close') }}
      footer={
        <Flex justify="end" gap={8}>
          <Button onClick={onClose}>{common('cancel')}</Button>
          <Button type="primary" loading={save.isPending} onClick={() => form.submit()} data-testid="save-price">{common('save')}</Button>
        </Flex>
      }
    >
      <Form form={form} layout="vertical" initialValues={initial} onFinish={(values) => save.mutate(values)} scrollToFirstError>
        <Flex vertical gap={16}>
          <Alert type="info" showIcon title={t('manualNote')} />
          {save.isError && <Problem error={save.error} />}
        </Flex>
        <Divider size="small" />
        <Form.Item name="model" label={t('name')} rules={[{ required: true, whitespace: true, message: t('required') }]}>
          <Input disabled={price !== undefined} spellCheck={false} maxLength={255} />
        </Form.Item>
        <Row gutter={12}>
          <Col xs={24} sm={8}><Form.Item name="mode" label={t('mode')}>
            <Select options={MODES.map((value) => ({ value, label: value }))} /></Form.Item></Col>
          <Col xs={24} sm={8}><Form.Item name="displayName" label={t('displayName')}><Input /></Form.Item></Col>
          <Col xs={24} sm={8}><Form.Item name="litellmProvider" label={t('provider')}><Input spellCheck={false} /></Form.Item></Col>
        </Row>
        <Divider titlePlacement="start" size="small">{t('tokens')}</Divider>
        <Row gutter={12}>
          {TOKEN_PRICES.map(([, member, label]) => (
            <Col key={member} xs={24} sm={8}>
              <Form.Item name={member} label={t(label)} rules={[amount]}><Input prefix="$" inputMode="decimal" /></Form.Item>
            </Col>
          ))}
        </Row>
        <Divider titlePlacement="start" size="small">{t('others')}</Divider>
        <Row gutter={12}>
          {UNIT_PRICES.map(([, member, label]) => (
            <Col key={member} xs={24} sm={8}>
              <Form.Item name={member} label={t(label)} rules={[amount]}><Input prefix="$" inputMode="decimal" /></Form.Item>
            </Col>
          ))}
        </Row>
        <Form.Item name="extra" label={t('extra')} help={t('extraHint')} rules={[jsonObject]}>
          <Input.TextArea autoSize={{ minRows: 3, maxRows: 14 }} className="mono" spellCheck={false} />
        </Form.Item>
      </Form>
    </Drawer>
  );
}
