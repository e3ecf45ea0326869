// Equal Earth (Šavrič, Patterson and Jenny 2018): areas are true, so that a colour's weight on the
// map does not depend on the latitude.
const [a1, a2, a3, a4] = [1.340264, -0.081106, 0.000893, 0.003796];
const m = Math.sqrt(3) / 2;
const degrees = 180 / Math.PI;

export type Point = [number, number];

/** project turns longitude and latitude in degrees into map units; y grows downwards. */
export function project([lon, lat]: Point): Point {
  const t = Math.asin(m * Math.sin(lat / degrees));
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  const x = ((lon / degrees) * Math.cos(t)) / (m * (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2)));
  return [x * degrees, -t * (a1 + a2 * t2 + t6 * (a3 + a4 * t2)) * degrees];
}

/** unproject is the inverse of project, by Newton's method. */
export function unproject([x, y]: Point): Point {
  const goal = -y / degrees;
  let t = goal;
  for (let i = 0; i < 12; i++) {
    const t2 = t * t;
    const t6 = t2 * t2 * t2;
    const step = (t * (a1 + a2 * t2 + t6 * (a3 + a4 * t2)) - goal) / (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2));
    t -= step;
    if (Math.abs(step) < 1e-10) {
      break;
    }
  }
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  const lon = (m * (x / degrees) * (a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2))) / Math.cos(t);
  return [lon * degrees, Math.asin(Math.min(1, Math.max(-1, Math.sin(t) / m))) * degrees];
}
