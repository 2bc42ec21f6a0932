// Build the page: node ui/build.mjs OUTPUT. Types of the API are made from docs/openapi.json, checked, then bundled;
// what browsers take compressed is compressed here once, so that the server only sends it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const ROOT = resolve(fileURLToPath(import.meta.url), '../..');
const output = resolve(process.argv[2] ?? join(ROOT, 'build-ui'));
const tool = (name, ...args) =>
  execFileSync(join(ROOT, 'node_modules/.bin', name), args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });

tool('openapi-typescript', 'docs/openapi.json', '--output', 'ui/src/api/schema.d.ts');
tool('tsc', '--project', 'ui/tsconfig.json');
tool('vite', 'build', '--config', 'ui/vite.config.ts', '--outDir', join(output, 'plain'), '--logLevel', 'warn');

const packed = join(output, 'packed');
rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });
const files = readdirSync(join(output, 'plain'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
for (const entry of files) {
  const bytes = readFileSync(join(entry.parentPath, entry.name));
  const name = join(entry.parentPath, entry.name).slice(join(output, 'plain').length + 1);
  const write = (suffix, content) => writeFileSync(join(packed, name.replaceAll('/', '~') + suffix), content);
  if (name === 'index.html') {
    write('', bytes); // the server writes a nonce into it
    continue;
  }
  write('.gz', gzipSync(bytes, { level: 9 }));
  write('.br', brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}
