// What went wrong, in the server's words: text, details, code and request id, with a button that copies them.
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Alert, Button, Space, Typography } from 'antd';
import { type ReactNode, useState } from 'react';
import { asApiError } from '../api/error';
import { useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';
import { timeText } from '../i18n/format';

interface Props {
  error: unknown;
  title?: string; // instead of the server's text, which then comes below
  onRetry?: () => void;
  children?: ReactNode; // what else can be done
}

export function Problem({ error, title, onRetry, children }: Props) {
  const t = useTexts(commonTexts);
  const [copied, setCopied] = useState(false);
  const problem = asApiError(error);
  const holder = problem.body?.holder as { operation?: string; user?: string; since?: string } | undefined;
  const lines = [
    problem.code && `${t('code')}: ${problem.code}`,
    problem.requestId && `${t('request')}: ${problem.requestId}`,
  ].filter((line) => typeof line === 'string');
  const all = [title, problem.text, problem.details, ...lines].filter(Boolean).join('\n');
  const copy = () => {
    void copyText(all).then(() => setCopied(true));
  };
  return (
    <Alert
      type="error"
      showIcon
      role="alert"
      title={title ?? problem.text}
      description={
        <Space orientation="vertical" size={4} className="problem">
          {title !== undefined && <span>{problem.text}</span>}
          {holder?.user !== undefined && <span>{t('holder')}: {holder.user} · {holder.operation} · {timeText(holder.since)}</span>}
          {problem.details !== undefined && <span className="problem-details">{problem.details}</span>}
          {lines.length > 0 && <Typography.Text type="secondary" className="problem-code">{lines.join(' · ')}</Typography.Text>}
          {children}
          <Space wrap>
            {onRetry && <Button size="small" onClick={onRetry}>{t('retry')}</Button>}
            <Button size="small" icon={copied ? <CheckOutlined /> : <CopyOutlined />} onClick={copy}>
              {copied ? t('copied') : t('copy')}
            </Button>
          </Space>
        </Space>
      }
    />
  );
}

/** navigator.clipboard exists on https and localhost only. */
async function copyText(text: string) {
  if (navigator.clipboard !== undefined)
    return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
