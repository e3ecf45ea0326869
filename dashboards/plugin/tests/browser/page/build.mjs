// Builds the page of the browser test into build/grafana/page, with the libraries and the bundler that the
// plugin itself is developed with.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../../../../../build/grafana/page/', import.meta.url));

mkdirSync(out, { recursive: true });
copyFileSync(here + 'index.html', out + 'index.html');
await build({
  entryPoints: [here + 'main.tsx'],
  outdir: out,
  bundle: true,
  format: 'esm',
  tsconfigRaw: { compilerOptions: { jsx: 'react-jsx' } },
  target: 'es2022',
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  loader: { '.svg': 'dataurl', '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.png': 'dataurl' },
  plugins: [
    {
      // A default import of CommonJS from an .mjs file means another thing to Node than to Grafana's bundler.
      name: 'scrollbars',
      setup: (b) =>
        b.onLoad({ filter: /CustomScrollbar\.mjs$/ }, ({ path }) => ({
          contents: readFileSync(path, 'utf8').replace('import Scrollbars from', 'import { Scrollbars } from'),
        })),
    },
  ],
  // The editor for code is five of six megabytes, and nothing here opens it.
  alias: { 'monaco-editor': here + 'nothing.ts' },
});
