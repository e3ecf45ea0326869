// The choosers. Their options follow the data; they are rebuilt only when those change, so that an
// open list stays open.
import type { VendorTotal } from "./api";
import { byId, el } from "./dom";
import { bytes, longDay, vendorName } from "./format";
import type { State } from "./state";
import { iso, type Range } from "./weeks";

function fill(id: string, options: [value: string, text: string][], chosen: string): void {
  const select = byId(id, HTMLSelectElement);
  const key = JSON.stringify(options);
  if (select.dataset.options !== key && document.activeElement !== select) {
    select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
    select.dataset.options = key;
  } else if (select.dataset.options === undefined) {
    select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  }
  select.disabled = options.length === 0;
  if (document.activeElement !== select || select.value !== chosen) {
    select.value = chosen;
  }
}

/** fillVendors lists the vendors, with the chosen one even if nothing of it was seen. */
export function fillVendors(vendors: VendorTotal[], chosen: string): void {
  const options = vendors.map((v): [string, string] => [v.vendor, `${vendorName(v.vendor)} – ${bytes(v.bytes_up)} up`]);
  if (chosen !== "" && !vendors.some((v) => v.vendor === chosen)) {
    options.push([chosen, `${vendorName(chosen)} – nothing seen`]);
  }
  fill("vendor", options, chosen);
}

/** fillWeeks lists the weeks, newest first. */
export function fillWeeks(weeks: number[], range: Range | undefined): void {
  const options = weeks.map((w): [string, string] => [iso(w), longDay(w)]).reverse();
  fill("from", options, range ? iso(range.from) : "");
  fill("to", options, range ? iso(range.to) : "");
}

/** showChoice sets the switches to the state. */
export function showChoice(state: State): void {
  for (const name of ["measure", "direction", "rows"] as const) {
    for (const input of document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)) {
      input.checked = input.value === state[name];
    }
  }
}
