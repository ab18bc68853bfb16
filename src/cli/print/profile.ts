/** Prints the profile of a run: where the time of each stage went, as tables. */
import { relative } from "node:path";
import { printable } from "../../common/printable.js";
import type { PlacedKernelTime, PlacedProfile, RunProfile } from "../../runtime/profile/files.js";
import { engineAndDevice, plural, shorten } from "../view/format.js";
import { joinParts, table } from "./table.js";
import { wrap } from "./wrap.js";

/** The rows of a table, and the least share of the time of a row. What is left is summed up in one more row. */
const mostRows = 12;
const leastShare = 0.001;

export function printProfile({ stages, files }: RunProfile, from: string, width: number): string {
  if (files === undefined)
    return wrap(
      "profile: the store had every stage, so nothing was computed; --force STAGE computes one again",
      width,
    ).join("\n");
  const shown = (path: string): string => printable(relative(from, path) || path);
  const where = [
    `profile: ${shown(files.table)}`,
    `trace:   ${shown(files.trace)} (open it in chrome://tracing or ui.perfetto.dev)`,
  ];
  return joinParts([...stages.map((stage) => printStage(stage, width)), where.join("\n")]);
}

function printStage(profile: PlacedProfile, width: number): string {
  const { stage, engine, seconds, peak, phases, kernels } = profile;
  const head =
    `where the ${time(seconds)} of ${printable(stage)} went, on ${engineAndDevice(engine.engine, engine)} ` +
    `with ${plural(engine.threads, "thread")} (at most ${gigaflops(peak)} GFLOP/s were measured)`;
  const share = (part: number): string => `${((100 * part) / seconds).toFixed(1)} %`;
  const phaseRows = phases.map(({ phase, calls, seconds: own }) => [phase, count(calls), time(own), share(own)]);
  const ops = grouped(kernels, seconds, ({ op, kernel }) => (op === "other" ? kernel : op));
  const opRows = ops.map(({ name, calls, seconds: own, flops }) => {
    const speed = flops / own;
    return [name, count(calls), time(own), share(own), gigaflops(speed), `${((100 * speed) / peak).toFixed(0)} %`];
  });
  const lines = grouped(
    kernels.filter(({ place }) => place !== undefined),
    seconds,
    ({ place }) => place?.line ?? "",
  );
  const lineRows = lines.map(({ name, seconds: own, first }) => {
    const used = [...name].length + 24;
    const text = name === first.place?.line ? first.place.text : "";
    return [name, time(own), share(own), shorten(text, Math.max(10, width - used))];
  });
  const right = "right" as const;
  return joinParts([
    wrap(head, width).join("\n"),
    table(["phase", "calls", "time", "share"], phaseRows, { align: ["left", right, right, right], width }),
    table(["op", "calls", "time", "share", "GFLOP/s", "of peak"], opRows, {
      align: ["left", right, right, right, right, right],
      width,
    }),
    table(["line", "time", "share", ""], lineRows, { align: ["left", right, right], width }),
  ]);
}

interface Group {
  readonly name: string;
  readonly calls: number;
  readonly seconds: number;
  readonly flops: number;
  readonly first: PlacedKernelTime;
}

/** Adds up the kernels with one name. The longest come first; those after the first rows are one row together. */
function grouped(
  kernels: readonly PlacedKernelTime[],
  total: number,
  nameOf: (kernel: PlacedKernelTime) => string,
): Group[] {
  const groups = new Map<string, Group>();
  const add = (
    name: string,
    { calls, seconds, flops }: Omit<Group, "name" | "first">,
    first: PlacedKernelTime,
  ): void => {
    const sum = groups.get(name) ?? { name, calls: 0, seconds: 0, flops: 0, first };
    const added = { calls: sum.calls + calls, seconds: sum.seconds + seconds, flops: sum.flops + flops };
    groups.set(name, { ...sum, ...added });
  };
  for (const kernel of kernels) add(nameOf(kernel), kernel, kernel);
  const sorted = [...groups.values()].sort((a, b) => b.seconds - a.seconds);
  const shown = sorted.slice(0, mostRows).filter(({ seconds }) => seconds >= leastShare * total);
  const rest = sorted.slice(shown.length);
  groups.clear();
  for (const group of rest) add(plural(rest.length, "other"), group, group.first);
  return [...shown, ...groups.values()];
}

const count = (calls: number): string => Math.round(calls).toLocaleString("en");
const gigaflops = (perSecond: number): string => (perSecond / 1e9).toFixed(perSecond < 1e10 ? 1 : 0);
const time = (seconds: number): string =>
  seconds >= 10
    ? `${seconds.toFixed(1)} s`
    : seconds >= 1
      ? `${seconds.toFixed(2)} s`
      : `${(1000 * seconds).toFixed(0)} ms`;
