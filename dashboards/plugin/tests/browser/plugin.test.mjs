// Uses the plugin as a person would, in a page that gives it what Grafana gives it, and compares what
// it shows with what internal/query says.
//
//	go test ./tests/browser
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { answered, launch, missing, open, pale, rows, truth } from "./browser.mjs";

const shots = join(dirname(fileURLToPath(import.meta.url)), "../../../../build/grafana");
const pictures = process.env.LANDFALL_PICTURES ?? "";
const secret = process.env.LANDFALL_CLICKHOUSE_PASSWORD ?? "";
const why = missing();

if (why !== "" && process.env.CI === "true") {
  throw new Error(why);
}

describe("plugin", { skip: why || false }, () => {
  let browser, right, times;
  before(async () => {
    mkdirSync(shots, { recursive: true });
    right = await truth();
    times = { from: right.From, to: right.To };
    browser = await launch();
  });
  after(() => browser?.close());

  // Opens a view for one test; at its end nothing has gone wrong in it, and no secret is in it.
  const opened = async (options, use) => {
    const { context, page, faults, sent } = await open(browser, { ...times, ...options });
    try {
      assert.equal(await page.getByTestId("broken").count(), 0, await page.locator("main").innerText());
      await use(page, sent).catch((error) => {
        throw new Error(`${error.message}\n${faults.join("\n")}`, { cause: error });
      });
      assert.deepEqual(faults, []);
      const inputs = await page.locator("input, textarea").evaluateAll((all) => all.map((e) => e.value));
      assert.ok(!(await page.content()).includes(secret) && !inputs.includes(secret), "the password is in the page");
    } finally {
      await context.close();
    }
  };
  const shot = async (page, name) => {
    await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    if (pictures !== "") {
      await page.screenshot({ path: join(pictures, `grafana-${name}.png`), fullPage: true });
    }
  };
  const looks = async (page) => {
    const sizes = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(sizes[0] <= sizes[1], `the page scrolls sideways: ${sizes[0]} > ${sizes[1]}`);
    assert.deepEqual(await pale(page), []);
  };

  test("module.js is what Grafana from 9.4 on can load", async () => {
    await opened({ view: "explore" }, async (page) => {
      const { components, dependencies } = await page.evaluate(() => window.loaded);
      for (const name of ["ConfigEditor", "QueryEditor"]) {
        assert.ok(components.includes(name), `no ${name} in ${components}`);
      }
      assert.ok(dependencies.includes("@grafana/data"), dependencies.join(", "));
    });
  });

  // What each type answers, asked by a query that a dashboard holds.
  const samples = [
    { queryType: "residency", vendors: ["Xiaomi"], by: ["place"], bucket: "day" },
    { queryType: "map" },
    { queryType: "compare", by: ["place"], vendors: ["Xiaomi"], before: "-7d" },
    { queryType: "shifts", by: ["vendor", "place"], shareOf: ["vendor"], before: "-7d" },
    { queryType: "overtakes", by: ["place"], vendors: ["Xiaomi"], bucket: "day" },
    { queryType: "endpoints" },
    { queryType: "new_endpoints" },
    { queryType: "completeness", bucket: "day" },
    { queryType: "flows", top: 20 },
  ];
  for (const query of samples) {
    test(`${query.queryType}: rows of a query`, async () => {
      await opened({ view: "explore", query, theme: query.queryType === "map" ? "light" : "dark" }, async (page) => {
        await page.getByTestId("run").click();
        const frames = await answered(page);
        assert.ok(frames.length > 0 && frames[0].fields[0]?.values.length > 0, "no rows");
        await page.locator('[data-testid="answer"] canvas, [data-testid="answer"] [role="row"]').first().waitFor();
        await looks(page);
        await shot(page, query.queryType);
      });
    });
  }

  test("figures are those of internal/query", async () => {
    await opened({ view: "explore", query: samples[0] }, async (page) => {
      await page.getByTestId("run").click();
      const got = {};
      for (const f of await answered(page)) {
        const value = f.fields.find((x) => x.name === "bytes_up");
        got[value.labels.place] = Object.fromEntries(f.fields[0].values.map((t, i) => [t, value.values[i]]).filter(([, v]) => v > 0));
      }
      assert.deepEqual(got, right.Days);
    });
    await opened({ view: "explore", query: { queryType: "map" } }, async (page) => {
      await page.getByTestId("run").click();
      const [first, ...countries] = rows((await answered(page))[0]);
      assert.equal(first.country, "", "the row that Grafana's map does not colour");
      assert.deepEqual(Object.fromEntries(countries.map((r) => [r.country, r.value])), right.Countries);
    });
    await opened({ view: "explore", query: { queryType: "endpoints" } }, async (page) => {
      await page.getByTestId("run").click();
      const [frame] = await answered(page);
      assert.deepEqual(Object.fromEntries(rows(frame).map((r) => [r.address, r.bytes_up])), right.Endpoints);
      // What is read is the same as what came: the cell of the first address shows it.
      await page.getByText(Object.keys(right.Endpoints)[0], { exact: true }).first().waitFor();
    });
  });

  test("a fault of the query is said in the panel", async () => {
    const query = { queryType: "residency", filters: [{ key: "place", operator: "=~", value: "US-(" }] };
    await opened({ view: "explore", query }, async (page) => {
      await page.getByTestId("run").click();
      await answered(page, "error");
      assert.match(await page.getByTestId("fault").innerText(), /US-\(|regular expression|parenthes/i);
      await shot(page, "fault");
    });
  });
});
