/** Measures one case on all sides in turn, and prints what was measured. */

import { Bystanders, quietShare } from "../src/runtime/system/bystanders.js";
import type { Case } from "./cases.js";
import { modes, type Side } from "./sides.js";

export interface Measured {
  readonly label: string;
  readonly kind: Side["kind"];
  readonly precision: Side["precision"];
  readonly version: string;
  readonly seconds: readonly number[];
  readonly min: number;
  readonly median: number;
  /** The largest memory of the process, in bytes. */
  readonly peak: number;
}
export interface Result {
  readonly name: string;
  readonly what: string;
  readonly sides: readonly Measured[];
  /** The share of the processor that other programs took meanwhile. */
  readonly others: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Every round runs each side once, so that a noisy machine affects them equally. */
export async function measure(it: Case, sides: readonly Side[], rounds: number): Promise<Result> {
  const bystanders = new Bystanders();
  const own = process.cpuUsage();
  const running = sides.map((side) => ({ side, ...side.start(it), seconds: [] as number[] }));
  try {
    for (let round = -it.warm; round < rounds; round++)
      for (const { run, seconds } of running) {
        const taken = await run();
        if (round >= 0) seconds.push(taken);
      }
  } finally {
    for (const { peer } of running) peer.stop();
  }
  const { user, system } = process.cpuUsage(own);
  const cpu = running.reduce((sum, { peer }) => sum + (peer.last?.cpu ?? 0), (user + system) / 1e6);
  return {
    name: it.name,
    what: it.what,
    others: bystanders.share(cpu),
    sides: running.map(({ side: { label, kind, precision }, peer, seconds }) => ({
      label,
      kind,
      precision,
      version: peer.last?.version ?? "",
      seconds,
      min: Math.min(...seconds),
      median: median(seconds),
      peak: peer.last?.peak ?? Number.NaN,
    })),
  };
}

const usual = `PyTorch, ${modes[0]}`;

/** Returns the lines of a case: its times, and how many times as fast as PyTorch each of our engines is, by the fastest rounds. */
export function lines({ what, sides, others }: Result): string[] {
  const rows = sides.map(
    ({ label, min, median: middle, peak }) =>
      `  ${label.padEnd(40)} ${seconds(min)} ${seconds(middle)} ${(peak / 2 ** 20).toFixed(0).padStart(7)} MB`,
  );
  const pytorch = sides.filter(({ kind }) => kind === "pytorch");
  const bestIn = (precision: Side["precision"]): Measured | undefined =>
    pytorch.filter((side) => side.precision === precision).sort((a, b) => a.min - b.min)[0];
  const eager = pytorch.find(({ label }) => label === usual);
  const ratios = sides.flatMap(({ label, kind, precision, min }) => {
    const best = bestIn(precision);
    if (kind !== "ours" || best === undefined) return [];
    const beside = eager === undefined || precision !== "f32" ? "" : `, ${times(eager.min / min)} as fast as ${usual}`;
    return [
      `  ${label}: ${times(best.min / min)} as fast as PyTorch's best (${best.label.replace("PyTorch, ", "")})${beside}`,
    ];
  });
  const busy =
    others > quietShare ? [`  busy: other programs took ${(100 * others).toFixed(0)} % of the processor`] : [];
  return [
    what,
    `  ${"".padEnd(40)} ${"min".padStart(10)} ${"median".padStart(10)} ${"memory".padStart(10)}`,
    ...rows,
    ...ratios,
    ...busy,
  ];
}

const times = (ratio: number): string => `${ratio.toFixed(2)} times`;
const seconds = (value: number): string => `${value.toFixed(4).padStart(8)} s`;
