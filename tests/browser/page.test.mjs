// Opens the page as a person would and compares every figure in it with what the API answers.
//
//	LANDFALL_URL=http://127.0.0.1:8080 npm test
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ask, launch, missing, open } from "./browser.mjs";

const shots = join(dirname(fileURLToPath(import.meta.url)), "../../build/screenshots");
const why = missing();
const views = [1280, 390].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));

if (why !== "" && process.env.CI === "true") {
  throw new Error(why);
}

describe("page", { skip: why || false }, () => {
  let browser;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    browser = await launch();
  });
  after(() => browser?.close());

  // Opens a page for one test, and checks at its end that nothing went wrong in it.
  const opened = async (options, use) => {
    const { context, page, faults } = await open(browser, options);
    try {
      await use(page);
      assert.deepEqual(faults, []);
    } finally {
      await context.close();
    }
  };

  for (const { width, scheme } of views) {
    test(`looks right at ${width} pixels, ${scheme}`, async () => {
      await opened({ width, scheme }, async (page) => {
        await page.screenshot({ path: join(shots, `page-${width}-${scheme}.png`), fullPage: true });
        assert.equal(await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches), scheme === "dark");
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        const [r] = background.match(/\d+/g).map(Number);
        assert.ok(scheme === "dark" ? r < 60 : r > 200, `background is ${background}`);
        const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
        assert.ok(sizes[0] <= sizes[1], `the page scrolls sideways: ${sizes[0]} > ${sizes[1]}`);
        const shift = await page.evaluate(() => window.layoutShift);
        assert.ok(shift < 0.1, `the layout shifted by ${shift}`);
        for (const id of ["chart", "map"]) {
          assert.ok(await inked(page, id), `the ${id} is empty`);
        }
        assert.deepEqual(await pale(page), []);
      });
    });
  }

  test("shows what the API answers", async () => {
    await opened({ width: 1280 }, async (page) => {
      // While flows arrive, page and API may be asked at different times: then both are asked again.
      let wrong;
      for (let i = 0; i < 8; i++) {
        wrong = await compare(page);
        if (wrong.length === 0) {
          return;
        }
        await page.reload();
        await page.locator('html[data-ready="true"]').waitFor();
      }
      assert.deepEqual(wrong, []);
    });
  });

  test("says how complete the figures are", async () => {
    await opened({ width: 390 }, async (page) => {
      const line = page.getByTestId("completeness");
      assert.match(await line.innerText(), /^(Counted .*% of the flows that \d+ exporters? say|Completeness unknown)/);
      await page.locator(".chart-card summary").click();
      const weeks = await page.getByTestId("week-counted").allInnerTexts();
      assert.ok(weeks.length > 0 && weeks.every((text) => /%$|^unknown$/.test(text)), weeks.join(", "));
    });
  });

  test("counts what came in", async () => {
    await opened({ width: 1280 }, async (page) => {
      const least = await ask("/api/v1/totals");
      await page.waitForTimeout(4500); // two of the page's polls
      const most = await ask("/api/v1/totals");
      const shown = BigInt(await page.getByTestId("total-flows").getAttribute("data-value"));
      assert.ok(shown >= least.flows && shown <= most.flows, `${least.flows} ≤ ${shown} ≤ ${most.flows}`);
      assert.equal(await page.getByTestId("total-flows").innerText(), new Intl.NumberFormat("en-GB").format(shown));
      assert.match(await page.getByTestId("status").getAttribute("data-state"), /^(live|idle)$/);
      assert.ok((await page.getByTestId("credits").innerText()).includes("DB-IP"), "the city table's credit is missing");
    });
  });

  test("keeps what was chosen in the link", async () => {
    await opened({ width: 1280 }, async (page) => {
      const { vendors } = await ask("/api/v1/vendors");
      const other = vendors.find((v) => v.vendor !== "Xiaomi" && v.vendor !== "unknown").vendor;
      await page.getByTestId("vendor").selectOption(other);
      await page.getByText("Bytes", { exact: true }).first().click();
      await page.getByText("Down", { exact: true }).click();
      await page.getByTestId("answer").getByText(`${other}:`).waitFor();
      const url = new URL(page.url());
      assert.deepEqual(Object.fromEntries(url.searchParams), { vendor: other, measure: "bytes", direction: "down" });
      await opened({ width: 1280, path: url.pathname + url.search }, async (again) => {
        assert.equal(await again.getByTestId("vendor").inputValue(), other);
        assert.ok((await again.getByTestId("answer").innerText()).startsWith(`${other}:`));
        assert.ok(await again.locator('input[value="down"]').isChecked());
      });
      await page.goBack();
      assert.equal(new URL(page.url()).searchParams.get("direction"), null);
    });
  });

  test("is used by keyboard", async () => {
    await opened({ width: 1280 }, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
      const seen = new Set();
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press("Tab");
        seen.add(await page.evaluate(() => document.activeElement.id || document.activeElement.name || document.activeElement.dataset.column));
      }
      for (const id of ["theme", "vendor", "from", "to", "measure", "direction", "csv", "exact", "bytes"]) {
        assert.ok(seen.has(id), `${id} is not reached by keyboard, only ${[...seen].join(", ")}`);
      }
      await page.locator('[data-column="bytes"]').focus();
      await page.keyboard.press("Enter");
      assert.equal(await page.locator('th[aria-sort="ascending"]').innerText().then((t) => t.trim()), "Bytes up");
      const cells = await bytesOf(page);
      assert.deepEqual(cells, [...cells].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
      await page.locator('input[name="measure"]').first().focus();
      await page.keyboard.press("ArrowRight");
      assert.equal(new URL(page.url()).searchParams.get("measure"), "bytes");
      const before = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.locator("#theme").focus();
      await page.keyboard.press("Enter");
      assert.notEqual(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), before);
    });
  });

  test("gives the figures as CSV", async () => {
    await opened({ width: 1280 }, async (page) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByTestId("csv").click()]);
      assert.equal(download.suggestedFilename(), "landfall-residency.csv");
      const text = await (await download.createReadStream()).toArray().then((parts) => Buffer.concat(parts).toString());
      assert.match(text, /^bucket,place,.*bytes_up/);
      assert.ok(text.trim().split("\n").length > 1);
    });
  });

  test("says so when the server is gone", async () => {
    const { context, page } = await open(browser, { width: 390 });
    await context.setOffline(true);
    await page.locator('[data-testid="status"][data-state="gone"]').waitFor({ timeout: 15_000 });
    assert.match(await page.getByTestId("status").innerText(), /Not connected/);
    await context.setOffline(false);
    await page.locator('[data-testid="status"]:not([data-state="gone"])').waitFor({ timeout: 15_000 });
    await context.close();
  });
});

// compare lists the figures in which the page differs from the API, for the weeks and the vendor shown.
async function compare(page) {
  const day = 86_400_000;
  const from = await page.getByTestId("from").inputValue();
  const to = await page.getByTestId("to").inputValue();
  const vendor = await page.getByTestId("vendor").inputValue();
  const until = new Date(Date.parse(to) + 7 * day).toISOString().slice(0, 10);
  const time = `since=${from}&until=${until}`;
  const more = page.locator("#more");
  if (await more.isVisible()) {
    await more.click();
  }
  const read = (id, names) =>
    page
      .getByTestId(id)
      .evaluateAll((all, list) => all.map((e) => list.map((n) => e.dataset[n])), names)
      .then((all) => all.filter((c) => c.every((v) => v !== "")).map((c) => c.join(" ")).sort());
  const shown = {
    cells: await read("cell", ["vendor", "place", "bytes"]),
    weeks: (await read("week-cell", ["week", "place", "bytes"])).filter((c) => !c.endsWith(" 0")),
    countries: await read("country-cell", ["country", "bytes"]),
    intervals: (await read("week-cell", ["week", "place", "low", "high"])).filter((c) => !c.includes("undefined")),
    completeness: [await page.getByTestId("completeness").getAttribute("data-counted")],
  };
  const rows = async (path) => (await ask(path)).rows;
  const one = `vendor=${encodeURIComponent(vendor)}`;
  const cells = await rows(`/api/v1/residency?by=vendor,place&bucket=total&top=2000&${time}`);
  const byWeek = await ask(`/api/v1/residency?${one}&by=place&bucket=week&top=12&${time}`);
  const weeks = byWeek.rows;
  const countries = await rows(`/api/v1/residency?${one}&by=country&bucket=total&top=2000&${time}`);
  const answered = {
    cells: cells.map((r) => `${r.vendor} ${r.place} ${r.bytes_up}`).sort(),
    weeks: weeks.filter((r) => r.bytes_up > 0n).map((r) => `${r.bucket.slice(0, 10)} ${r.place} ${r.bytes_up}`).sort(),
    countries: countries.filter((r) => r.bytes_up > 0n).map((r) => `${r.country} ${r.bytes_up}`).sort(),
    intervals: weeks.map((r) => `${r.bucket.slice(0, 10)} ${r.place} ${r.bytes_up_interval.low} ${r.bytes_up_interval.high}`),
    completeness: [countedOf(byWeek.buckets)],
  };
  const wrong = [];
  for (const part of Object.keys(shown)) {
    if (shown[part].length === 0) {
      wrong.push(`${part}: the page shows nothing`);
    }
    const there = new Set(shown[part]);
    const asked = new Set(answered[part]);
    wrong.push(...[...there].filter((c) => !asked.has(c)).map((c) => `${part}: only the page has ${c}`));
    wrong.push(...[...asked].filter((c) => !there.has(c)).map((c) => `${part}: only the API has ${c}`));
  }
  wrong.push(...(await compareAnswer(page, weeks, vendor)));
  return wrong;
}

// countedOf is the share of what was sent over all weeks of which the ledger knows.
function countedOf(buckets) {
  const sum = (name) => buckets.reduce((n, b) => n + b.completeness[name], 0);
  return sum("sent_flows") === 0 ? "unknown" : String(sum("counted_flows") / sum("sent_flows"));
}

// compareAnswer works the sentence's shares out again from the API's rows.
async function compareAnswer(page, rows, vendor) {
  const week = 7 * 86_400_000;
  const sums = new Map();
  for (const r of rows) {
    sums.set(r.bucket, (sums.get(r.bucket) ?? 0n) + r.bytes_up);
  }
  const filled = [...sums.keys()].filter((b) => sums.get(b) > 0n).sort();
  const over = filled.filter((b) => Date.parse(b) + week <= Date.now());
  const weeks = over.length >= 2 ? over : filled;
  const of = (bucket, place) =>
    Number(rows.find((r) => r.bucket === bucket && r.place === place)?.bytes_up ?? 0n) / Number(sums.get(bucket));
  const parts = await page.getByTestId("answer-part").evaluateAll((all) => all.map((e) => ({ ...e.dataset, text: e.textContent })));
  const wrong = [];
  if (parts.length === 0) {
    wrong.push("answer: names no place");
  }
  const text = await page.getByTestId("answer").innerText();
  if (/^\p{L}/u.test(vendor) && !["unknown", "randomised"].includes(vendor) && !text.startsWith(`${vendor}:`)) {
    wrong.push(`answer: is not about ${vendor}: ${text}`);
  }
  for (const p of parts) {
    const [first, last] = [of(weeks[0], p.place), of(weeks.at(-1), p.place)];
    if (Math.abs(first - Number(p.before)) > 1e-9 || Math.abs(last - Number(p.after)) > 1e-9) {
      wrong.push(`answer: ${p.place} ${p.before} → ${p.after}, by the API ${first} → ${last}`);
    }
    if (!p.text.includes(`${(last * 100).toFixed(1)}\u00a0%`) && last >= 0.0005) {
      wrong.push(`answer: "${p.text}" does not show ${last}`);
    }
  }
  return wrong;
}

const bytesOf = (page) => page.getByTestId("cell").evaluateAll((all) => all.map((e) => e.dataset.bytes)).then((all) => all.map(BigInt));

// inked tells whether anything is drawn on an element's canvas.
function inked(page, id) {
  return page.getByTestId(id).evaluate((e) => {
    const canvas = e.querySelector("canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 255) {
        colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      }
    }
    return colours.size > 2;
  });
}

// pale lists texts whose contrast is under 4.5 (WCAG 2.2, 1.4.3).
function pale(page) {
  return page.evaluate(() => {
    const luminance = ([r, g, b]) => {
      const f = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
      return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
    };
    const numbers = (text) => text.match(/[\d.]+/g).map(Number);
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const c = numbers(getComputedStyle(at).backgroundColor);
        if (c.length < 4 || c[3] > 0) {
          return c;
        }
      }
      return [255, 255, 255];
    };
    const found = [];
    for (const e of document.querySelectorAll("body *")) {
      const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim() !== "");
      if (!own || e.closest(".tip") || e.getClientRects().length === 0 || e.matches("option, :disabled")) {
        continue;
      }
      const [a, b] = [luminance(numbers(getComputedStyle(e).color)), luminance(behind(e))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) {
        found.push(`${e.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
      }
    }
    return found;
  });
}
