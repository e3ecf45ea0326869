// Building elements. Text only ever becomes text nodes: nothing that came from a flow is markup.

type Child = Node | string;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    e.setAttribute(name, value);
  }
  e.append(...children);
  return e;
}

/** byId finds an element of index.html. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const e = document.getElementById(id);
  if (!(e instanceof type)) {
    throw new Error(`the page has no ${type.name} ${id}`);
  }
  return e;
}

/** swatch is a patch of a place's colour. Its style is set through the object model, as the policy asks. */
export function swatch(colour: string): HTMLElement {
  const e = el("span", { class: "swatch", "aria-hidden": "true" });
  e.style.backgroundColor = colour;
  return e;
}

/** setText changes text only where it differs, so that a selection in it stays. */
export function setText(e: HTMLElement, text: string): void {
  if (e.textContent !== text) {
    e.textContent = text;
  }
}
