// What every page stands in: language, theme, the cache of answers, addresses.
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { App as AntApp, ConfigProvider, theme } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import { RouterProvider } from 'react-router';
import { asApiError } from './api/error';
import { NONCE } from './csp';
import { useLanguage } from './i18n';
import { router } from './router';
import { useDark, useMotion } from './theme';


/** A lost session leads to sign-in and back. */
function onError(error: unknown) {
  if (asApiError(error).status !== 401 || router.state.location.pathname === '/sign-in')
    return;
  const { pathname, search } = router.state.location;
  queries.clear();
  void router.navigate(`/sign-in?${new URLSearchParams({ from: pathname + search, ended: '1' })}`);
}

const queries = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) => asApiError(error).status === 0 && count < 2,
    },
  },
});

/** Where Ant Design's own colours are too pale to be read by everybody (WCAG AA). */
const LIGHT = {
  colorPrimary: '#1f5fd6', colorPrimaryHover: '#184fb5', colorLink: '#1f5fd6',
  colorSuccess: '#2f7d0d', colorSuccessBg: '#f6ffed', colorSuccessBorder: '#b7eb8f',
  colorError: '#cf1322', colorErrorBg: '#fff2f0', colorErrorBorder: '#ffccc7',
  colorWarning: '#a85b00', colorWarningBg: '#fffbe6', colorWarningBorder: '#ffe58f',
  colorTextTertiary: 'rgba(0, 0, 0, 0.62)', colorTextDescription: 'rgba(0, 0, 0, 0.62)', colorTextPlaceholder: 'rgba(0, 0, 0, 0.58)',
};
const DARK = {
  colorPrimary: '#2f6be0', colorLink: '#8ab4ff', colorLinkHover: '#b3d0ff',
  colorError: '#ff7875', colorErrorBg: '#2c1618', colorErrorBorder: '#5b2526',
  colorTextTertiary: 'rgba(255, 255, 255, 0.65)', colorTextDescription: 'rgba(255, 255, 255, 0.65)',
  colorTextPlaceholder: 'rgba(255, 255, 255, 0.55)',
};

export function App() {
  const dark = useDark();
  const motion = useMotion();
  const language = useLanguage();
  return (
    <ConfigProvider
      locale={language === 'zh-CN' ? zhCN : enUS}
      csp={{ nonce: NONCE }}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: { borderRadius: 8, fontSize: 14, motion, ...(dark ? DARK : LIGHT) },
        components: dark ? {
          Tabs: { itemSelectedColor: DARK.colorLink, itemHoverColor: DARK.colorLinkHover },
          Button: { colorPrimaryHover: '#2a5fc9', defaultHoverColor: DARK.colorLinkHover, defaultHoverBorderColor: DARK.colorLink },
        } : {},
      }}
      button={{ autoInsertSpace: false }}
    >
      <AntApp>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}
