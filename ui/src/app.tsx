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
import { useDark } from './theme';


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

export function App() {
  const dark = useDark();
  const language = useLanguage();
  return (
    <ConfigProvider
      locale={language === 'zh-CN' ? zhCN : enUS}
      csp={{ nonce: NONCE }}
      theme={{
        algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
        token: { colorPrimary: dark ? '#4c8dff' : '#1f5fd6', borderRadius: 8, fontSize: 14 },
      }}
    >
      <AntApp>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}
