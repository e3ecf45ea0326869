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
    if (pictures !== "" && ["endpoints", "overview-dark", "overview-light", "residency", "settings"].includes(name)) {
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

  // Chooses in one of Grafana's selects with the keyboard alone.
  const choose = async (page, label, text) => {
    const box = page.getByRole("combobox", { name: label, exact: true });
    await box.focus();
    await page.keyboard.type(text);
    await page.getByRole("option", { name: text }).first().waitFor();
    await page.keyboard.press("Enter");
  };

  test("a first-time user asks every question with the keyboard", async () => {
    await opened({ view: "explore" }, async (page) => {
      const box = page.getByRole("combobox", { name: "Question", exact: true });
      await box.focus();
      await page.keyboard.press("ArrowDown");
      await page.getByRole("option").first().waitFor();
      const questions = await page.getByRole("option").evaluateAll((all) => all.map((e) => (e.querySelector("span") ?? e).textContent));
      await page.keyboard.press("Escape");
      assert.ok(questions.length >= samples.length, questions.join(", "));
      const asked = new Set();
      for (const question of questions) {
        await choose(page, "Question", question);
        await page.getByTestId("run").focus();
        await page.keyboard.press("Enter");
        await page.locator('[data-testid="answer"][data-state="done"]').waitFor();
        const query = JSON.parse(await page.getByTestId("query").textContent());
        asked.add(query.queryType);
        const frames = await page.evaluate(() => window.frames.map((f) => f.length));
        assert.ok(frames.some((n) => n > 0), `${question}: no rows`);
      }
      for (const { queryType } of samples) {
        assert.ok(asked.has(queryType), `${queryType} was not asked, only ${[...asked].join(", ")}`);
      }
    });
  });

  test("a vendor is chosen from what is there, and the SQL is shown", async () => {
    await opened({ view: "explore", theme: "light" }, async (page) => {
      await choose(page, "Vendors", "Xiaomi");
      await page.keyboard.press("Escape"); // a list of several stays open
      await page.getByTestId("run").click();
      await answered(page);
      assert.deepEqual(JSON.parse(await page.getByTestId("query").textContent()).vendors, ["Xiaomi"]);
      await page.getByRole("button", { name: "Explain" }).click();
      const explanation = page.getByRole("region", { name: "Explanation" });
      await explanation.waitFor();
      assert.match(await explanation.innerText(), /SELECT[\s\S]*FROM/);
      await looks(page);
      await shot(page, "explain");
    });
  });

  test("Save & test says what is right and what is wrong", async () => {
    await opened({ view: "settings", height: 1400 }, async (page, sent) => {
      const health = page.getByTestId("health");
      const save = async (status) => {
        await page.getByTestId("save").click();
        await page.locator(`[data-testid="health"][data-status="${status}"]`).waitFor();
        return health.innerText();
      };
      assert.match(await save("success"), /Connected|flows/i);
      await looks(page);
      await shot(page, "settings");
      const address = page.getByRole("textbox", { name: "Address" });
      const rightAddress = await address.inputValue();
      await address.fill("127.0.0.1:1");
      await address.blur();
      assert.match(await save("error"), /127\.0\.0\.1:1/);
      await address.fill(rightAddress);
      await address.blur();
      await page.getByRole("button", { name: "Reset" }).first().click();
      await page.getByLabel("Password", { exact: true }).fill("wrong");
      await page.getByLabel("Password", { exact: true }).blur();
      const said = await save("error");
      assert.match(said, /password|authentication|login|log in/i);
      assert.ok(!said.includes(secret));
      await shot(page, "settings-wrong");
      assert.ok(sent.every((r) => !(r.body ?? "").includes(secret)), "the page sent a secret that it was never told");
    });
    await fetch(new URL("/reset", process.env.LANDFALL_URL), { method: "POST" });
  });

  test("a variable has the values of a dimension", async () => {
    await opened({ view: "variable" }, async (page) => {
      await choose(page, "Values of", "Vendor");
      await page.getByTestId("run").click();
      await page.locator('[data-testid="values"] li').first().waitFor();
      const values = await page.locator('[data-testid="values"] li').evaluateAll((all) => all.map((e) => e.dataset.value));
      assert.deepEqual(values, right.Vendors);
      await shot(page, "variable");
    });
  });

  test("annotations mark silent exporters", async () => {
    await opened({ view: "annotations" }, async (page) => {
      await page.getByTestId("run").click();
      const [frame] = await answered(page);
      const titles = rows(frame).map((r) => r.title).join("; ");
      assert.match(titles, /192\.0\.2\.2/);
      await shot(page, "annotations");
    });
  });

  for (const theme of ["dark", "light"]) {
    test(`the overview's panels have answers, ${theme}`, async () => {
      const more = { "var-site": "*", "var-vendor": "*", "var-place": "*", "var-period": "auto" };
      await opened({ view: "overview", theme, more }, async (page) => {
        await page.locator("html[data-painted]").waitFor({ state: "attached", timeout: 20_000 });
        const panels = await page.getByTestId("panel").evaluateAll((all) => all.map((e) => ({ ...e.dataset })));
        assert.ok(panels.length > 3, "no panels");
        assert.deepEqual(panels.filter((p) => p.fault), []);
        await page.waitForTimeout(300); // charts draw on the next frame
        await shot(page, `overview-${theme}`);
      });
    });
  }
});
