// The pages and their addresses. Each page is a file of its own, fetched when it is first opened.
import { createBrowserRouter, type RouteObject } from 'react-router';
import { BASE } from './api/client';
import { Broken } from './parts/broken';
import { Frame } from './parts/frame';
import { Waiting } from './parts/waiting';

const page = (path: string, load: () => Promise<{ default: () => React.ReactNode }>): RouteObject => ({
  path,
  lazy: async () => ({ Component: (await load()).default }),
  errorElement: <Broken />,
  hydrateFallbackElement: <Waiting />,
});

export const router = createBrowserRouter(
  [
    page('/sign-in', () => import('./pages/sign-in')),
    {
      element: <Frame />,
      errorElement: <Broken />,
      hydrateFallbackElement: <Waiting />,
      children: [
        page('/', () => import('./pages/overview')),
        page('/data', () => import('./pages/data/index')),
        page('/prices', () => import('./pages/prices/index')),
        page('/providers', () => import('./pages/batch/providers')),
        page('/users', () => import('./pages/batch/users')),
        page('/keys', () => import('./pages/batch/keys')),
        page('/history', () => import('./pages/history')),
        page('*', () => import('./pages/missing')),
      ],
    },
  ],
  { basename: BASE.replace(/\/$/, '') || '/' },
);
