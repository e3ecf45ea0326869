import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Grafana has these itself, in every version that the plugin runs in, and gives them to the module.
// react/jsx-runtime is not among them (9.4 has none): JSX becomes React.createElement.
const grafanas = [
  "@emotion/css",
  "@grafana/data",
  "@grafana/runtime",
  "@grafana/ui",
  "lodash",
  "moment",
  "react",
  "react-dom",
  "rxjs",
  "rxjs/operators",
];

// What lies beside module.js in the plugin's folder.
const beside = { "plugin.json": "src/plugin.json", "img/logo.svg": "src/img/logo.svg", "README.md": "README.md" };

export default defineConfig({
  esbuild: { jsx: "transform", jsxFactory: "React.createElement", jsxFragment: "React.Fragment" },
  publicDir: false,
  plugins: [
    {
      name: "landfall",
      configResolved({ plugins }) {
        // Vite makes every AMD module ask for require, which not every Grafana has; this one needs none.
        const i = plugins.findIndex(({ name }) => name === "vite:force-amd-wrap-require");
        (plugins as Plugin[]).splice(i, i < 0 ? 0 : 1);
      },
      generateBundle() {
        const { includes } = JSON.parse(readFileSync("src/plugin.json", "utf8")) as {
          includes: Array<{ path: string }>;
        };
        for (const { path } of includes) {
          this.emitFile({
            type: "asset",
            fileName: path,
            source: readFileSync(path.replace("dashboards/", "../json/")),
          });
        }
        for (const [fileName, from] of Object.entries({ ...beside, LICENSE: "../../LICENSE" })) {
          this.emitFile({ type: "asset", fileName, source: readFileSync(from) });
        }
      },
    },
  ],
  build: {
    target: "es2021",
    outDir: "dist",
    emptyOutDir: true,
    sourcemap: true,
    modulePreload: false,
    rollupOptions: {
      input: "src/module.ts",
      external: grafanas,
      preserveEntrySignatures: "strict",
      // interop: React comes with or without a default export, by Grafana's version.
      output: {
        format: "amd",
        exports: "named",
        interop: "auto",
        entryFileNames: "module.js",
        inlineDynamicImports: true,
      },
      onwarn(warning) {
        throw new Error(warning.message); // such as an import that Grafana does not have
      },
    },
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    // As CommonJS: Node cannot load Grafana's libraries as modules, and Vite takes a minute to rewrite them.
    alias: ["data", "runtime", "ui"].map((name) => ({
      find: `@grafana/${name}`,
      replacement: fileURLToPath(new URL(`node_modules/@grafana/${name}/dist/cjs/index.cjs`, import.meta.url)),
    })),
    testTimeout: 30_000, // a busy machine's; one takes a second
    setupFiles: ["src/testing/setup.ts"],
  },
});
