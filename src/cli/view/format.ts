/** Formats numbers and names for people. Every function is pure. */

/** Formats a whole number with separators: 12,345. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Formats seconds as 0:07, 4:31 or 1:02:03. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = String(total % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** Formats a fraction as a percentage without its unit: 0.7831 becomes 78.31. */
export function percent(fraction: number, digits = 2): string {
  return (fraction * 100).toFixed(digits);
}

/** Formats a mean and the half-width of its 95% interval, both fractions: `78.31 ± 0.52 %`. One episode has no interval. */
export function interval(mean: number, ci95: number): string {
  return Number.isFinite(ci95) ? `${percent(mean)} ± ${percent(ci95)} %` : `${percent(mean)} %`;
}

/** Formats items per second with about three digits. */
export function rate(perSecond: number): string {
  if (perSecond >= 100) return count(perSecond);
  if (perSecond >= 10) return perSecond.toFixed(1);
  return perSecond.toFixed(2);
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let scale = 0;
  let rest = value;
  while (rest >= base && scale < units.length - 1) {
    rest /= base;
    scale++;
  }
  const digits = scale === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)} ${units[scale]}`;
}

/** Formats bytes in binary units: 1.50 GiB. */
export function bytes(value: number): string {
  return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** Formats floating-point operations: 3.20 GFLOP. */
export function flops(value: number): string {
  return scaled(value, 1000, ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"]);
}

/** Cuts the middle out of a text that is too long, because both ends of a path or name tell most. */
export function shorten(text: string, width: number): string {
  const chars = [...text];
  if (chars.length <= width) return text;
  if (width <= 1) return "…".slice(0, Math.max(0, width));
  const head = Math.floor((width - 1) / 2);
  const tail = width - 1 - head;
  return `${chars.slice(0, head).join("")}…${chars.slice(chars.length - tail).join("")}`;
}

/** Formats an engine with its device: `onnx cpu`, `onnx gpu (NVIDIA GeForce RTX 4090)`, `onednn cpu bf16`. */
export function engineAndDevice(
  engine: string,
  { device, adapter, precision }: { device: string; adapter?: string; precision?: string },
): string {
  const [name, rounding] = [
    adapter === undefined ? "" : ` (${adapter})`,
    precision === undefined ? "" : ` ${precision}`,
  ];
  return `${engine} ${device}${name}${rounding}`;
}

/** Formats a number with its noun: `1 stage`, `3 stages`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** Formats seeds in the way in which `--seeds` takes them: `0..4`, or `0,1,7`. */
export function seedsText(seeds: readonly number[]): string {
  const [first = 0] = seeds;
  const inRow = seeds.length > 2 && seeds.every((seed, i) => seed === first + i);
  return inRow ? `${first}..${first + seeds.length - 1}` : seeds.join(",");
}
