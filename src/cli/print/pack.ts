/** Formats the contents of a pack for `fslc data inspect`. */
import type { PackSummary } from "../../runtime/data/index.js";
import { bytes, count } from "../view/format.js";
import { table } from "./table.js";

export function printPack(name: string, pack: PackSummary): string {
  const sizes = pack.variants.map((v) => (v.uniform ? `${v.height} × ${v.width}` : "various sizes")).join(", ");
  const rows = pack.splits.map((s) => [
    s.split,
    count(s.classes),
    count(s.images),
    `${count(s.smallest.images)} (${s.smallest.name})`,
    `${count(s.largest.images)} (${s.largest.name})`,
    s.digest.slice(0, 12),
  ]);
  const skipped = pack.skipped.length === 0 ? [] : [`unreadable and left out: ${pack.skipped.join(", ")}`];
  return [
    `${name}: ${bytes(pack.bytes)} in ${pack.dir}`,
    `stored at ${sizes}, ${pack.channels} ${pack.channels === 1 ? "channel" : "channels"}`,
    "",
    table(["split", "classes", "images", "smallest class", "largest class", "digest"], rows, [
      "left",
      "right",
      "right",
      "left",
      "left",
      "left",
    ]),
    ...skipped,
    "",
    "",
  ].join("\n");
}
