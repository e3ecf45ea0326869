// Builds the page into dist: one stylesheet, one script, the map, index.html that names them by
// the hashes of their contents. Nothing is loaded from anywhere else.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { world } from "./world.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");

mkdirSync(dist, { recursive: true });
for (const name of readdirSync(dist)) {
  if (name !== ".gitkeep") {
    rmSync(join(dist, name), { recursive: true });
  }
}
mkdirSync(join(dist, "assets"));

function asset(name, extension, text) {
  const file = `assets/${name}-${createHash("sha256").update(text).digest("hex").slice(0, 10)}.${extension}`;
  writeFileSync(join(dist, file), text);
  return file;
}

async function bundle(entry, define = {}) {
  const result = await build({
    entryPoints: [join(root, "src", entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
    legalComments: "none",
    define,
    logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

const map = asset("world", "json", JSON.stringify(world()));
const files = {
  theme: asset("theme", "js", await bundle("theme.ts")),
  main: asset("main", "js", await bundle("main.ts", { WORLD_URL: JSON.stringify(map) })),
  style: asset("style", "css", await bundle("style.css")),
  licences: asset("licences", "txt", licences()),
};

// What the licences of the bundled libraries ask for.
function licences() {
  return ["echarts", "zrender", "tslib", "world-atlas", "topojson-client"]
    .map((name) => {
      const dir = join(root, "node_modules", name);
      const texts = readdirSync(dir, { withFileTypes: true })
        .filter((f) => f.isFile() && /^(licen[cs]e|notice|copyright)/i.test(f.name))
        .map((f) => readFileSync(join(dir, f.name), "utf8").trim());
      const { version, license } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
      return `${name} ${version} (${license})\n\n${texts.join("\n\n")}\n`;
    })
    .join(`\n${"-".repeat(72)}\n\n`);
}

let html = readFileSync(join(root, "src", "index.html"), "utf8");
for (const [name, file] of Object.entries(files)) {
  html = html.replaceAll(`{{${name}}}`, file);
}
writeFileSync(join(dist, "index.html"), html);
writeFileSync(join(dist, "favicon.svg"), readFileSync(join(root, "src", "favicon.svg")));
console.log(`page built: ${readdirSync(join(dist, "assets")).join(", ")}`);
