// Opens the page in a real Chromium, and notes errors and every request that it makes.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

// The browser's driver is the one that the test of Landfall's own page pins.
const { chromium } = createRequire(new URL("../../../../tests/browser/package.json", import.meta.url))("playwright-core");

export const base = process.env.LANDFALL_URL ?? "";
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** missing says why the tests cannot run here; empty if they can. */
export function missing() {
  if (base === "") {
    return "LANDFALL_URL does not name a running host; go test ./tests/browser starts one";
  }
  return existsSync(executablePath) ? "" : `no browser at ${executablePath} (CHROMIUM names another)`;
}

export const launch = () =>
  chromium.launch({
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

/** truth is what internal/query says of the seed. */
export const truth = () => fetch(new URL("/truth.json", base)).then((r) => r.json());

// What browsers and Grafana's libraries say that is no fault of the plugin.
const known = [
  /Failed to load resource: the server responded with a status of 400/, // a query or setting that a test gets wrong
];

/** open loads a view and returns the page and what was wrong with it so far. */
export async function open(browser, { view, theme = "dark", width = 1280, height = 900, query, from, to, more = {} }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    timezoneId: "UTC",
    locale: "en-GB",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(8_000);
  const faults = [];
  const sent = [];
  const origin = new URL(base).origin;
  page.on("console", (m) => {
    // Grafana serves its own fonts beside the page; any other will do here.
    const font = m.location().url.includes("/public/fonts/");
    if (m.type() === "error" && !font && !known.some((k) => k.test(m.text()))) {
      faults.push(`console: ${m.text()} ${m.location().url}`);
    }
  });
  page.on("pageerror", (e) => faults.push(`error: ${e.message}`));
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (new URL(url).origin === origin || /^(data|blob):/.test(url)) {
      sent.push({ url, body: route.request().postData() });
      return route.continue();
    }
    faults.push(`request to elsewhere: ${url}`);
    return route.abort();
  });
  const address = new URL("/", base);
  for (const [name, value] of Object.entries({ view, theme, from, to, query: query && JSON.stringify(query), ...more })) {
    if (value !== undefined) {
      address.searchParams.set(name, String(value));
    }
  }
  await page.goto(address.href);
  await page.locator('html[data-ready="true"]').waitFor({ state: "attached" }).catch((error) => {
    throw new Error(`the page does not come up: ${error.message}\n${faults.join("\n")}`);
  });
  return { context, page, faults, sent };
}

/** answered waits for the answer, and returns its frames as the page got them. */
export async function answered(page, state = "done") {
  const answer = page.getByTestId("answer");
  await page.locator('[data-testid="answer"]:not([data-state="none"])').waitFor();
  if ((await answer.getAttribute("data-state")) !== state) {
    throw new Error(`the answer is not ${state}: ${await answer.innerText()}`);
  }
  return page.evaluate(() =>
    window.frames.map((f) => ({
      meta: f.meta,
      fields: f.fields.map((x) => ({ name: x.name, type: x.type, labels: x.labels, values: [...x.values] })),
    })),
  );
}

/** rows of a table's frame. */
export const rows = (frame) =>
  frame.fields[0].values.map((_, i) => Object.fromEntries(frame.fields.map((f) => [f.name, f.values[i]])));

/** pale lists texts whose contrast is under 3 (WCAG 2.2, 1.4.3 for large text and components). */
export function pale(page) {
  return page.evaluate(() => {
    const luminance = ([r, g, b]) => {
      const f = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
    };
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const layers = (e) => {
      const found = [];
      for (let at = e; at; at = at.parentElement) {
        const c = numbers(getComputedStyle(at).backgroundColor);
        found.push(c);
        if (c.length < 4 || c[3] === 1) {
          break;
        }
      }
      return found.reverse();
    };
    const over = (under, c) => (c.length < 4 ? c : c.slice(0, 3).map((v, i) => v * c[3] + under[i] * (1 - c[3])));
    const found = [];
    for (const e of document.querySelectorAll("main *")) {
      const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim() !== "");
      if (!own || e.getClientRects().length === 0 || e.matches("option, :disabled") || e.closest("[aria-disabled=true], :disabled")) {
        continue;
      }
      const behind = layers(e).reduce(over, [255, 255, 255]);
      const text = over(behind, numbers(getComputedStyle(e).color));
      const [a, b] = [luminance(text), luminance(behind)];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 3) {
        found.push(`${e.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
      }
    }
    return found;
  });
}
