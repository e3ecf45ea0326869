// One colour per place, the same in the chart, the table and the map. Places get their colours in
// the order in which they are first named and keep them while the page is open.

export interface Theme {
  dark: boolean;
  text: string;
  muted: string;
  line: string;
  surface: string;
  warn: string;
  land: string;
  border: string;
}

const light = [
  "#2f6db5",
  "#e07b12",
  "#128277",
  "#7450b8",
  "#b08e00",
  "#c0392f",
  "#45a3d6",
  "#5a962f",
  "#d4609f",
  "#8a5f44",
];
const dark = [
  "#5b9ce6",
  "#f59a45",
  "#35b5a6",
  "#a287e6",
  "#d6b936",
  "#ea6a5e",
  "#7ccaf0",
  "#8bc85f",
  "#ef8fc2",
  "#bf9479",
];
const noPlace: Record<string, [string, string]> = {
  unknown: ["#7a808a", "#8b919b"],
  other: ["#b0b6bf", "#5d646f"],
};

export class Colours {
  private readonly order = new Map<string, number>();

  /** claim gives colours to places that have none yet, in this order. */
  claim(places: Iterable<string>): void {
    for (const place of places) {
      if (!(place in noPlace) && !this.order.has(place)) {
        this.order.set(place, this.order.size);
      }
    }
  }

  of(place: string, theme: Theme): string {
    const neutral = noPlace[place];
    if (neutral) {
      return neutral[theme.dark ? 1 : 0];
    }
    this.claim([place]);
    const palette = theme.dark ? dark : light;
    const index = this.order.get(place) ?? 0;
    const colour = palette[index % palette.length] ?? "#888888";
    // The palette's second round is paler; further places share its colours.
    return index < palette.length ? colour : mix(colour, theme.surface, 0.55);
  }
}

/** mix blends two #rrggbb colours; part is how much there is of the first. */
export function mix(a: string, b: string, part: number): string {
  const channel = (text: string, i: number) => Number.parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  const hex = [0, 1, 2].map((i) =>
    Math.round(channel(a, i) * part + channel(b, i) * (1 - part))
      .toString(16)
      .padStart(2, "0"),
  );
  return `#${hex.join("")}`;
}

/** currentTheme reads the colours that the stylesheet has in force. */
export function currentTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(name).trim();
  return {
    dark: get("--dark") === "1",
    text: get("--text"),
    muted: get("--muted"),
    line: get("--line"),
    surface: get("--surface"),
    warn: get("--warn"),
    land: get("--land"),
    border: get("--land-border"),
  };
}
