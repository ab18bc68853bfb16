/** Formats what lies in a dataset and the contents of its pack for `fslc data inspect`. */
import { printable } from "../../common/printable.js";
import type { DatasetFacts } from "../../compiler/typed/tree.js";
import type { PackSummary } from "../../runtime/data/index.js";
import { bytes, count } from "../view/format.js";
import { table } from "./table.js";

/** Formats the facts that are known of a dataset without reading its images. */
export function printLook(name: string, facts: DatasetFacts | undefined, width: number): string {
  const findings = facts?.findings ?? [];
  const help = new Set(findings.flatMap(({ help: its }) => its));
  const seen = (facts?.seen ?? []).filter((line) => !help.has(line));
  const lines = [...findings.map(({ severity, message }) => `${severity}: ${message}`), ...seen];
  const rows = Object.entries(facts?.splits ?? {})
    .filter(([split]) => !split.includes("+"))
    .map(([split, { classes, images, smallest }]) => [
      split,
      count(classes),
      count(images),
      `${count(smallest.images)} (${smallest.name})`,
    ]);
  const classes = table(["split", "classes", "images", "smallest class"], rows, {
    align: ["left", "right", "right", "left"],
    width,
  });
  const all = [...lines, ...[...help].map((line) => `help: ${line}`)];
  if (all.length === 0) return rows.length === 0 ? "" : `${name}:\n\n${classes}\n\n`;
  return [
    `${name}:`,
    ...all.map((line) => `  ${printable(line)}`),
    "",
    ...(rows.length === 0 ? [] : [classes, ""]),
    "",
  ].join("\n");
}

export function printPack(name: string, pack: PackSummary, width: number): string {
  const sizes = pack.variants.map((v) => (v.uniform ? `${v.height} × ${v.width}` : "various sizes")).join(", ");
  const rows = pack.splits.map((s) => [
    s.split,
    count(s.classes),
    count(s.images),
    `${count(s.smallest.images)} (${s.smallest.name})`,
    `${count(s.largest.images)} (${s.largest.name})`,
    s.digest.slice(0, 12),
  ]);
  const skipped = pack.skipped.length === 0 ? [] : [`unreadable and left out: ${printable(pack.skipped.join(", "))}`];
  return [
    `${name}: ${bytes(pack.bytes)} in ${pack.dir}`,
    `stored at ${sizes}, ${pack.channels} ${pack.channels === 1 ? "channel" : "channels"}`,
    "",
    table(["split", "classes", "images", "smallest class", "largest class", "digest"], rows, {
      align: ["left", "right", "right"],
      width,
    }),
    ...skipped,
    "",
    "",
  ].join("\n");
}
