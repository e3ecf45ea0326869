// Makes the map: Natural Earth's countries (npm world-atlas) as GeoJSON keyed by ISO 3166-1 alpha-2.
// The coarse set is enough for a map of this size; what it lacks (Singapore, Hong Kong, …) comes
// from the finer one.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature } from "topojson-client";

const require = createRequire(import.meta.url);
const countries = require("i18n-iso-countries");

// Natural Earth gives these no ISO number.
const codesByName = { Kosovo: "XK", Somaliland: "SO", "N. Cyprus": "CY" };

function read(file) {
  const topology = JSON.parse(readFileSync(require.resolve(`world-atlas/${file}`), "utf8"));
  return feature(topology, topology.objects.countries).features;
}

function codeOf(f) {
  return (f.id && countries.numericToAlpha2(f.id)) || codesByName[f.properties.name];
}

// A ring that passes the date line jumps from 180° to -180°. It is unrolled and cut there, because
// the map is flat.
function cut(polygon) {
  const unrolled = polygon.map((ring) => {
    let turn = 0;
    return ring.map(([x, y], i) => {
      const before = i > 0 ? ring[i - 1][0] : x;
      turn += x - before > 180 ? -360 : x - before < -180 ? 360 : 0;
      return [x + turn, y];
    });
  });
  const pieces = [];
  for (const shift of [-360, 0, 360]) {
    const rings = unrolled
      .map((ring) => ring.map(([x, y]) => [x + shift, y]))
      .map((ring) => clip(clip(ring, 180, 1), -180, -1))
      .filter((ring) => ring.length > 3 && area(ring) > 0);
    if (rings.length > 0) {
      pieces.push(rings);
    }
  }
  return pieces;
}

// clip keeps the part of a ring on one side of a meridian: west of it for side 1, east for -1.
function clip(ring, at, side) {
  const inside = ([x]) => (at - x) * side >= 0;
  const out = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [a, b] = [ring[i], ring[i + 1]];
    if (inside(a)) {
      out.push(a);
    }
    if (inside(a) !== inside(b)) {
      out.push([at, a[1] + ((b[1] - a[1]) * (at - a[0])) / (b[0] - a[0])]);
    }
  }
  return out.length > 0 ? [...out, out[0]] : out;
}

// A digit of 0.01° is about 1 km: less than a pixel here.
function round(coordinates) {
  if (typeof coordinates[0] === "number") {
    return coordinates.map((c) => Math.round(c * 100) / 100);
  }
  return coordinates.map(round);
}

// Countries of less than about half a million km² (in square degrees) are hard to see on the map.
const smallest = 40;

// Size of a country in square degrees as they are at the equator.
function size(polygons) {
  return polygons.reduce((sum, [ring]) => {
    const middle = ring.reduce((y, p) => y + p[1], 0) / ring.length;
    return sum + area(ring) * Math.cos((middle * Math.PI) / 180);
  }, 0);
}

// Area in square degrees, good enough to find the main part of a country.
function area(ring) {
  let sum = 0;
  for (let i = 0; i + 1 < ring.length; i++) {
    sum += ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
  }
  return Math.abs(sum / 2);
}

function centre(geometry) {
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  const ring = polygons.map((p) => p[0]).sort((a, b) => area(b) - area(a))[0];
  const xs = ring.map((p) => p[0]);
  const ys = ring.map((p) => p[1]);
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

export function world() {
  const parts = new Map();
  const add = (features, onlyMissing) => {
    const before = new Set(parts.keys());
    for (const f of features) {
      const code = codeOf(f);
      if (!code || code === "AQ" || (onlyMissing && before.has(code))) {
        continue;
      }
      const polygons = f.geometry.type === "Polygon" ? [f.geometry.coordinates] : f.geometry.coordinates;
      const known = parts.get(code) ?? { name: f.properties.name, polygons: [] };
      known.polygons.push(...polygons.flatMap(cut));
      parts.set(code, known);
    }
  };
  add(read("countries-110m.json"), false);
  add(read("countries-50m.json"), true);
  const features = [...parts].map(([code, p]) => {
    const geometry = { type: "MultiPolygon", coordinates: round(p.polygons) };
    return {
      type: "Feature",
      properties: {
        code,
        name: countries.getName(code, "en") ?? p.name,
        small: size(p.polygons) < smallest,
        centre: round(centre(geometry)),
      },
      geometry,
    };
  });
  for (const code of ["CN", "US", "SG", "HK", "IE", "TW"]) {
    if (!parts.has(code)) {
      throw new Error(`world map: ${code} is missing`);
    }
  }
  return { type: "FeatureCollection", features };
}
