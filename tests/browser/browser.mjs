// Opens the page in a real Chromium and notes what it must not do: errors, requests to elsewhere.
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const base = process.env.LANDFALL_URL ?? "";
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** missing says why the tests cannot run here; empty if they can. */
export function missing() {
  if (base === "") {
    return "LANDFALL_URL does not name a running page";
  }
  return existsSync(executablePath) ? "" : `no browser at ${executablePath} (CHROMIUM names another)`;
}

export function launch() {
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** open loads the page and waits for its first figures. */
export async function open(browser, { width, scheme = "light", path = "/", ready = true } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: width < 600 ? 844 : 900 },
    colorScheme: scheme,
    reducedMotion: "reduce",
    deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  const faults = [];
  const origin = new URL(base).origin;
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => faults.push(`error: ${e.message}`));
  page.on("request", (r) => new URL(r.url()).origin !== origin && faults.push(`request to elsewhere: ${r.url()}`));
  page.on("requestfailed", (r) => r.failure()?.errorText !== "net::ERR_ABORTED" && faults.push(`failed: ${r.url()}`));
  await page.addInitScript(() => {
    window.layoutShift = 0;
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) {
        window.layoutShift += e.hadRecentInput ? 0 : e.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(new URL(path, base).href);
  if (ready) {
    await page.locator('html[data-ready="true"]').waitFor({ timeout: 30_000 });
    // The map is drawn from a file that comes later.
    await page.waitForLoadState("networkidle").catch(() => {});
  }
  return { context, page, faults };
}

/** ask puts a question to the API; counts are BigInt, as they may pass 2^53. */
export async function ask(path) {
  const response = await fetch(new URL(path, base));
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${text}`);
  }
  return JSON.parse(text.replaceAll(/"((?:bytes|packets)_(?:up|down)|flows)":(\d+)/g, '"$1":"$2n"'), (_, v) =>
    typeof v === "string" && /^\d+n$/.test(v) ? BigInt(v.slice(0, -1)) : v,
  );
}
