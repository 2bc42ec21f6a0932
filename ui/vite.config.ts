// The page is built into files with names made of their contents, which the binary embeds compressed (scripts/embed).
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './', // the page works under any path of a reverse proxy
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsDir: 'assets',
    assetsInlineLimit: 0, // data: addresses are against the content security policy
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { '/api': process.env.HUBPORT_URL ?? 'http://127.0.0.1:8450' } },
});
