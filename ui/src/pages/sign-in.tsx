// Sign-in by token or key; the address that the server prints carries a one-time code and signs in by itself.
import { LockOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Card, Form, Input, Layout, Typography } from 'antd';
import { useEffect, useRef } from 'react';
import { useNavigate, useSearchParams } from 'react-router';
import { api, ask } from '../api/client';
import { useTexts } from '../i18n';
import { commonTexts, signInTexts } from '../i18n/common';
import { Brand, Preferences } from '../parts/frame';
import { Problem } from '../parts/problem';

/** Only our own pages: an address from outside must not lead away. */
const own = (from: string | null) => (from !== null && /^\/(?![/\\])/.test(from) ? from : '/');

export default function SignIn() {
  const t = useTexts(signInTexts);
  const common = useTexts(commonTexts);
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const from = own(search.get('from'));
  const signIn = useMutation({
    mutationFn: (key: string) => ask(api.POST('/api/auth/login', { body: { key } })),
    onSuccess: () => navigate(from, { replace: true }),
  });
  const tried = useRef(false);
  useEffect(() => {
    document.title = `${t('signIn')} · hubport`;
  }, [t]);
  useEffect(() => {
    const code = new URLSearchParams(location.hash.slice(1)).get('code');
    if (code === null || tried.current)
      return;
    tried.current = true;
    history.replaceState(history.state, '', location.pathname + location.search); // a used code does not stay
    signIn.mutate(code);
  }, [signIn]);
  return (
    <Layout className="sign-in">
      <div className="sign-in-bar"><Preferences /></div>
      <main className="sign-in-main">
        <Card className="sign-in-card">
          <Brand />
          <Typography.Title level={1} className="page-title">{t('title')}</Typography.Title>
          <Typography.Paragraph type="secondary">{t('hint')}</Typography.Paragraph>
          {search.has('ended') && signIn.isIdle && <Alert type="warning" showIcon title={common('signedOut')} />}
          {signIn.isError && <Problem error={signIn.error} />}
          <Form layout="vertical" requiredMark={false} className="sign-in-form"
                onFinish={({ key }: { key: string }) => signIn.mutate(key.trim())}>
            <Form.Item name="key" label={t('key')} rules={[{ required: true, whitespace: true, message: t('required') }]}>
              <Input.Password prefix={<LockOutlined />} size="large" autoFocus autoComplete="current-password"
                              maxLength={4096} spellCheck={false} />
            </Form.Item>
            <Button type="primary" htmlType="submit" size="large" block loading={signIn.isPending}>{t('signIn')}</Button>
          </Form>
        </Card>
      </main>
    </Layout>
  );
}
