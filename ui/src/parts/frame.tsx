// The frame around the pages: menu, language, theme, signing out.
import {
  ApiOutlined, BulbOutlined, DashboardOutlined, DatabaseOutlined, DollarOutlined, GlobalOutlined, HistoryOutlined,
  KeyOutlined, LogoutOutlined, MenuOutlined, TeamOutlined,
} from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Drawer, Dropdown, Grid, Layout, Menu, Space, Tooltip } from 'antd';
import { type ReactNode, Suspense, useState } from 'react';
import { Link, Outlet, useLocation, useNavigate } from 'react-router';
import { addressOf, api, ask } from '../api/client';
import { type Language, setLanguage, useLanguage, useTexts } from '../i18n';
import { commonTexts } from '../i18n/common';
import { setTheme, type ThemeChoice, useThemeChoice } from '../theme';
import { Waiting } from './waiting';

const PAGES = [
  { path: '/', name: 'overview', icon: <DashboardOutlined /> },
  { path: '/data', name: 'data', icon: <DatabaseOutlined /> },
  { path: '/prices', name: 'prices', icon: <DollarOutlined /> },
  { path: '/providers', name: 'providers', icon: <ApiOutlined /> },
  { path: '/users', name: 'users', icon: <TeamOutlined /> },
  { path: '/keys', name: 'keys', icon: <KeyOutlined /> },
  { path: '/history', name: 'history', icon: <HistoryOutlined /> },
] as const;

const LANGUAGES: Record<Language, string> = { 'zh-CN': '中文', en: 'English' };

export const Brand = () => (
  <span className="brand"><img src={addressOf('/icon.svg')} alt="" width={24} height={24} />hubport</span>
);

/** Language and theme: also on the page that signs in. */
export function Preferences() {
  const t = useTexts(commonTexts);
  const language = useLanguage();
  const theme = useThemeChoice();
  const themes: ThemeChoice[] = ['system', 'light', 'dark'];
  return (
    <Space size={4}>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [language],
          items: Object.entries(LANGUAGES).map(([key, label]) => ({ key, label: <span lang={key}>{label}</span> })),
          onClick: ({ key }) => setLanguage(key as Language),
        }}
      >
        <Button type="text" icon={<GlobalOutlined />} aria-label={t('language')} />
      </Dropdown>
      <Dropdown
        trigger={['click']}
        menu={{
          selectable: true,
          selectedKeys: [theme],
          items: themes.map((key) => ({ key, label: t(key) })),
          onClick: ({ key }) => setTheme(key as ThemeChoice),
        }}
      >
        <Button type="text" icon={<BulbOutlined />} aria-label={t('theme')} />
      </Dropdown>
    </Space>
  );
}

function SignOut() {
  const t = useTexts(commonTexts);
  const navigate = useNavigate();
  const queries = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => ask(api.POST('/api/auth/logout')),
    onSettled: () => {
      queries.clear();
      void navigate('/sign-in');
    },
  });
  return (
    <Tooltip title={t('signOut')}>
      <Button type="text" icon={<LogoutOutlined />} aria-label={t('signOut')} loading={signOut.isPending}
              onClick={() => signOut.mutate()} />
    </Tooltip>
  );
}

function Pages({ onChosen }: { onChosen?: () => void }): ReactNode {
  const t = useTexts(commonTexts);
  const { pathname } = useLocation();
  return (
    <Menu
      mode="inline"
      aria-label={t('menu')}
      className="menu"
      selectedKeys={[pathname]}
      onClick={onChosen}
      items={PAGES.map(({ path, name, icon }) => ({ key: path, icon, label: <Link to={path}>{t(name)}</Link> }))}
    />
  );
}

export function Frame() {
  const t = useTexts(commonTexts);
  const wide = Grid.useBreakpoint().lg ?? true;
  const [open, setOpen] = useState(false);
  return (
    <Layout className="frame">
      <a className="skip" href="#content">{t('skipToContent')}</a>
      <Layout.Header className="bar">
        {!wide && <Button type="text" icon={<MenuOutlined />} aria-label={t('menu')} onClick={() => setOpen(true)} />}
        <Link to="/" className="home"><Brand /></Link>
        <span className="grow" />
        <Preferences />
        <SignOut />
      </Layout.Header>
      <Layout>
        {wide
          ? <Layout.Sider width={208} className="side"><Pages /></Layout.Sider>
          : <Drawer open={open} onClose={() => setOpen(false)} placement="left" size={256} title={<Brand />}
                    styles={{ body: { padding: 0 } }}>
              <Pages onChosen={() => setOpen(false)} />
            </Drawer>}
        <Layout.Content id="content" className="content">
          <Suspense fallback={<Waiting />}><Outlet /></Suspense>
        </Layout.Content>
      </Layout>
    </Layout>
  );
}
