import { readFileSync } from "node:fs";
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
      name: "beside-module",
      generateBundle() {
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
    setupFiles: ["src/testing/setup.ts"],
    server: { deps: { inline: [/@grafana/] } },
  },
});
