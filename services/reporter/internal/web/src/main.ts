// The page: keeps what the reader chose, asks for it, and draws the answers.
import {
  type About,
  address,
  type BucketInfo,
  get,
  type Parameters,
  Refused,
  type ResidencyAnswer,
  type ResidencyRow,
  type Totals,
  type VendorTotal,
} from "./api";
import { changesText, completenessText, doubtful, silentText, sumOf } from "./certainty";
import { drawLegend, WeeksChart, type WeeksView, weeksTable } from "./chart";
import { Colours, currentTheme } from "./colours";
import { fillVendors, fillWeeks, showChoice } from "./controls";
import { countriesOf } from "./countries";
import { byId, el, setText } from "./dom";
import { confidenceText, unsure, verdictText } from "./evidence";
import { percent, vendorName } from "./format";
import { countriesTable, WorldMap } from "./map";
import { greatestShift, sentenceOf, seriesOf, shiftOf } from "./shift";
import { readState, type State, writeState } from "./state";
import { linesOf, ResidencyTable } from "./table";
import { TotalsPoll } from "./totals";
import { chosenRange, iso, type Range, week, weeksBetween } from "./weeks";

declare const WORLD_URL: string; // put in by the build

/** While flows arrive, the figures are asked for again this often at most. */
const refresh = 5000;
/** Places of the chart, before "other". */
const places = "12";

interface Figures {
  vendors: VendorTotal[];
  vendor: string;
  range: Range;
  byVendor: ResidencyRow[];
  byWeek: ResidencyRow[];
  buckets: BucketInfo[]; // of byWeek
  byCountry: ResidencyRow[];
  evidence: ResidencyRow[]; // by verdict and confidence
  now: number;
}

let state: State = readState(location.search);
let totals: Totals | undefined;
let figures: Figures | undefined;
let automatic: string | undefined; // the vendor shown while none is chosen
const hidden = new Set<string>();
const colours = new Colours();
const chart = new WeeksChart(byId("chart", HTMLElement));
const map = new WorldMap(byId("map", HTMLElement), WORLD_URL);
const table = new ResidencyTable((vendor) => change({ vendor }));
const answer = byId("answer", HTMLElement);
const notice = byId("notice", HTMLElement);

const residency = (parameters: Parameters) => get<ResidencyAnswer>("/api/v1/residency", parameters);
/** rowsOf asks for figures whose intervals are not shown. */
const rowsOf = (parameters: Parameters) => residency({ figures_only: "true", ...parameters }).then((a) => a.rows);

/** vendorToShow is the chosen one, else Xiaomi, the case this was made for, else the greatest shift. */
async function vendorToShow(vendors: VendorTotal[], now: number): Promise<string> {
  if (state.vendor !== undefined) {
    return state.vendor;
  }
  const xiaomi = vendors.find((v) => /^xiaomi/i.test(v.vendor));
  if (xiaomi) {
    return xiaomi.vendor;
  }
  if (automatic === undefined) {
    automatic = greatestShift(await rowsOf({ by: "vendor,place", bucket: "week", top: "2000" }), now);
  }
  return (
    automatic ?? vendors.find((v) => v.vendor !== "unknown" && v.vendor !== "")?.vendor ?? vendors[0]?.vendor ?? ""
  );
}

async function ask(t: Totals): Promise<Figures | undefined> {
  const now = Date.parse(t.now);
  // A flow from the future is a clock that is wrong: it must not stretch the weeks.
  const last = Math.min(Date.parse(t.last_flow ?? ""), now);
  const known = t.first_flow && t.last_flow ? weeksBetween(Math.min(Date.parse(t.first_flow), last), last) : [];
  const range = chosenRange(known, state.from, state.to);
  fillWeeks(known, range);
  if (!range) {
    return undefined;
  }
  const vendors = (await get<{ vendors: VendorTotal[] }>("/api/v1/vendors")).vendors;
  const vendor = await vendorToShow(vendors, now);
  const time = { since: iso(range.from), until: iso(range.to + week) };
  const one = vendor === "" ? {} : { vendor };
  const [rank, byVendor, byWeek, byCountry, evidence] = await Promise.all([
    rowsOf({ by: "place", bucket: "total", top: "10" }),
    residency({ by: "vendor,place", bucket: "total", top: "2000", ...time }),
    residency({ by: "place", bucket: "week", top: places, ...time, ...one }),
    rowsOf({ by: "country,place", bucket: "total", top: "2000", ...time, ...one }),
    rowsOf({ by: "verdict,confidence", bucket: "total", ...time, ...one }),
  ]);
  colours.claim(rank.map((r) => r.place ?? "unknown"));
  return {
    vendors,
    vendor,
    range,
    byVendor: byVendor.rows,
    byWeek: byWeek.rows,
    buckets: byWeek.buckets,
    byCountry,
    evidence,
    now,
  };
}

let asked = 0;
let askedAt = 0;
let askedFlows: bigint | undefined;

async function reload(): Promise<void> {
  if (!totals) {
    return;
  }
  const turn = ++asked;
  askedAt = performance.now();
  askedFlows = totals.flows;
  try {
    const got = await ask(totals);
    if (turn !== asked) {
      return; // something newer is under way
    }
    figures = got;
    notice.hidden = true;
    draw();
  } catch (error) {
    if (turn === asked) {
      askedFlows = undefined; // ask again soon
      const bad = error instanceof Refused && error.status === 400;
      setText(
        notice,
        `${bad ? "Refused" : "These figures are not fresh"}: ${error instanceof Error ? error.message : String(error)}`,
      );
      notice.hidden = false;
    }
  }
  document.documentElement.dataset.ready = "true";
}

function draw(): void {
  const f = figures;
  const theme = currentTheme();
  const view: WeeksView = {
    series: seriesOf(f?.byWeek ?? [], state.direction),
    weeks: f ? weeksBetween(f.range.from, f.range.to) : [],
    buckets: new Map((f?.buckets ?? []).map((b) => [Date.parse(b.bucket ?? ""), b])),
    measure: state.measure,
    direction: state.direction,
    hidden,
    now: f?.now ?? Date.now(),
  };
  fillVendors(f?.vendors ?? [], f?.vendor ?? "");
  showChoice(state);
  const name = vendorName(f?.vendor ?? "");
  document.title = f ? `${name} – Landfall` : "Landfall";
  setText(
    byId("chart-title", HTMLElement),
    f
      ? `${name}: places by week, ${state.measure === "share" ? "share of " : ""}bytes ${state.direction}`
      : "Places by week",
  );
  setText(byId("map-title", HTMLElement), f ? `${name}: bytes ${state.direction} by country` : "Countries");
  say(view, name);
  sayBasis(f?.buckets);
  sayEvidence(f?.evidence ?? []);
  chart.draw(view, colours, theme);
  weeksTable(byId("weeks", HTMLTableElement), view);
  drawLegend(byId("legend", HTMLElement), view, colours, theme, (place) => {
    if (!hidden.delete(place)) {
      hidden.add(place);
    }
    draw();
  });
  const countries = countriesOf(f?.byCountry ?? [], state.direction);
  void map.draw(countries, state.direction, colours, theme);
  countriesTable(byId("countries", HTMLTableElement), countries, state.direction);
  byId("map", HTMLElement).setAttribute(
    "aria-label",
    `World map of ${name}: ${countries
      .slice(0, 5)
      .map((c) => `${c.name} ${percent(c.share)}`)
      .join(", ")}. The table below has all figures.`,
  );
  const lines = linesOf(f?.byVendor ?? [], state.direction);
  table.draw(
    state.rows === "vendor" ? lines.filter((l) => l.vendor === f?.vendor) : lines,
    f?.vendor ?? "",
    state.direction,
    colours,
    theme,
  );
  if (f) {
    byId("csv", HTMLAnchorElement).href = address("/api/v1/residency", {
      ...(f.vendor === "" ? {} : { vendor: f.vendor }),
      by: "place",
      bucket: "week",
      since: iso(f.range.from),
      until: iso(f.range.to + week),
      top: "5000",
      format: "csv",
    });
  }
}

/** offText is how far the shares of a sentence may be off; empty where nothing was sampled. */
function offText(parts: { off: number }[]): string {
  const off = Math.max(0, ...parts.map((p) => p.off));
  return off === 0 ? "" : `, each ±\u00a0${Math.max(0.1, off * 100).toFixed(1)} points or less`;
}

function say(view: WeeksView, name: string): void {
  const shift = shiftOf(view.series, view.now);
  if (!figures || !shift) {
    answer.replaceChildren(
      figures
        ? `${name}: nothing seen in these weeks.`
        : "No flow has been counted yet. The figures appear here as soon as the first exporter is heard.",
    );
    return;
  }
  const s = sentenceOf(name, shift, state.direction);
  const parts = s.parts.flatMap((c, i) => {
    const change = shift.first === shift.last ? percent(c.after) : `${percent(c.before)} → ${percent(c.after)}`;
    const part = el(
      "span",
      {
        class: "part",
        "data-testid": "answer-part",
        "data-place": c.place,
        "data-before": String(c.before),
        "data-after": String(c.after),
        ...(c.off > 0 ? { title: `within ${(c.off * 100).toFixed(1)} points, with 95 % confidence` } : {}),
      },
      `${c.name} `,
      el("b", {}, change),
    );
    return i === 0 ? [part] : [", ", part];
  });
  answer.replaceChildren(
    el("strong", {}, `${s.subject}: `),
    ...parts,
    ` ${s.rest.replace(/\.$/, "")}${offText(s.parts)}. `,
    el("span", { class: "verdict" }, s.verdict),
  );
  byId("chart", HTMLElement).setAttribute(
    "aria-label",
    `Stacked bars. ${answer.textContent ?? ""} The table below has all figures.`,
  );
}

/** sayBasis says what the figures rest on: how complete they are, and whether they changed. */
function sayBasis(buckets: BucketInfo[] | undefined): void {
  const line = byId("completeness", HTMLElement);
  setText(line, buckets ? completenessText(buckets) : "");
  line.title = silentText(buckets ?? []);
  const sum = sumOf(buckets ?? []);
  line.dataset.counted = sum.share_counted === null ? "unknown" : String(sum.share_counted);
  line.dataset.state = sum.share_counted === null || (buckets ?? []).some(doubtful) ? "doubt" : "whole";
  setText(byId("changes", HTMLElement), changesText(buckets ?? []));
}

/** sayEvidence says what the policy says, and how sure the places are. */
function sayEvidence(rows: ResidencyRow[]): void {
  setText(byId("verdicts", HTMLElement), verdictText(rows, state.direction));
  const line = byId("confidence", HTMLElement);
  setText(line, confidenceText(rows, state.direction));
  line.dataset.state = unsure(rows, state.direction) ? "doubt" : "whole";
}

function change(part: Partial<State>): void {
  const before = state;
  state = { ...state, ...part };
  const link = location.pathname + writeState(state);
  if (link !== location.pathname + location.search) {
    history.pushState(null, "", link);
  }
  const asksNew = before.vendor !== state.vendor || before.from !== state.from || before.to !== state.to;
  draw();
  if (asksNew) {
    void reload();
  }
}

function listen(): void {
  const controls = byId("controls", HTMLFormElement);
  controls.addEventListener("submit", (e) => e.preventDefault());
  document.addEventListener("change", (e) => {
    const t = e.target;
    if (t instanceof HTMLSelectElement) {
      const time = Date.parse(t.value);
      change(t.id === "vendor" ? { vendor: t.value } : t.id === "from" ? { from: time } : { to: time });
    } else if (t instanceof HTMLInputElement && t.type === "radio") {
      change({ [t.name]: t.value } as Partial<State>);
    }
  });
  addEventListener("popstate", () => {
    state = readState(location.search);
    draw();
    void reload();
  });
  const theme = byId("theme", HTMLButtonElement);
  const label = () => theme.setAttribute("aria-label", `Change to the ${currentTheme().dark ? "light" : "dark"} theme`);
  theme.addEventListener("click", () => {
    const next = currentTheme().dark ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("landfall-theme", next);
    } catch {
      // Storage may be forbidden: the choice lasts as long as the page.
    }
    label();
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    label();
    draw();
  });
  label();
}

/** linked makes the addresses in a credit followable, as the licences ask. */
function linked(text: string): (Node | string)[] {
  return text
    .split(/(https?:\/\/[^\s,;)]+)/)
    .map((part, i) => (i % 2 === 1 ? el("a", { href: part, rel: "noreferrer" }, part) : part));
}

async function showAbout(): Promise<void> {
  const about = await get<About>("/api/v1/about");
  setText(byId("version", HTMLElement), about.version);
  byId("credits", HTMLElement).replaceChildren(
    ...about.credits.map((c) => el("span", { class: "credit" }, ...linked(c))),
  );
}

listen();
draw();
showAbout().catch(() => setTimeout(() => void showAbout(), 5000));
void new TotalsPoll((t) => {
  const first = totals === undefined;
  totals = t;
  if (first || (t.flows !== askedFlows && performance.now() - askedAt >= refresh)) {
    void reload();
  }
}).run();
