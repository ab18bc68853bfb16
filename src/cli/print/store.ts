/** Formats what `fslc store` lists, shows, finds damaged and removes. */
import { relative } from "node:path";
import type { Cause, Collection } from "../../runtime/run/collect.js";
import { type Item, type ItemKind, itemKinds } from "../../runtime/run/inventory.js";
import type { ShownItem, ShownKey } from "../../runtime/run/show-stored.js";
import { type Verification, type VerifiedKind, verifiedKinds } from "../../runtime/run/verify.js";
import { bytes, count, duration, plural } from "../view/format.js";
import { formatTime } from "./runs.js";
import { joinParts, table } from "./table.js";

/** The number of characters of a key that a list shows. */
const keyLength = 12;

const shortKey = (key: string | undefined): string => key?.slice(0, keyLength) ?? "";
const shortPath = (path: string): string => relative(process.cwd(), path) || path;

/** Formats the things of a project, those of each kind by size, and the size of each kind. */
export function printInventory(items: readonly Item[], width: number): string {
  const sorted = itemKinds.flatMap((kind) => ofKind(items, kind).sort((a, b) => b.bytes - a.bytes));
  const rows = sorted.map(({ kind, key, what, bytes: size, time, runs }) => [
    shortKey(key),
    kind,
    what,
    bytes(size),
    formatTime(time),
    usersOf(runs),
  ]);
  const list = table(["key", "kind", "what", "size", "changed (UTC)", "used by"], rows, {
    align: ["left", "left", "left", "right"],
    width,
  });
  const totals = itemKinds.flatMap((kind) => {
    const some = ofKind(items, kind);
    return some.length === 0 ? [] : [[kind, count(some.length), bytes(sizeOfAll(some))]];
  });
  const all = ["all", count(items.length), bytes(sizeOfAll(items))];
  const summary = table(["kind", "number", "size"], [...totals, all], { align: ["left", "right", "right"], width });
  return joinParts([list, summary]);
}

const ofKind = (items: readonly Item[], kind: ItemKind): Item[] => items.filter((item) => item.kind === kind);
const sizeOfAll = (items: readonly Item[]): number => items.reduce((sum, item) => sum + item.bytes, 0);

function usersOf([newest, ...others]: readonly string[]): string {
  if (newest === undefined) return "";
  return others.length === 0 ? newest : `${newest} and ${plural(others.length, "other run", "other runs")}`;
}

/** Formats everything with one key. */
export function printShownKey({ key, items, neededBy }: ShownKey): string {
  const runs = items[0]?.runs ?? [];
  return joinParts([
    key,
    ...items.map(printShownItem),
    runs.length === 0 ? "no run uses it" : ["used by the runs", ...runs.map((run) => `  ${run}`)].join("\n"),
    neededBy.length === 0
      ? ""
      : ["computed from it", ...neededBy.map(({ stage, key: by }) => `  ${shortKey(by)}  ${stage}`)].join("\n"),
  ]);
}

function printShownItem({ kind, path, what, bytes: size, time, manifest }: ShownItem): string {
  const facts: (readonly [name: string, value: string])[] = [
    ["path", shortPath(path)],
    ["size", bytes(size)],
    ["changed", `${formatTime(time)} UTC`],
  ];
  if (manifest !== undefined) {
    const { fslc, seconds, seed, numerics, inputs, data, weights, output } = manifest;
    facts.push(
      ["took", duration(seconds)],
      ["by", `fslc ${fslc}, ${numerics.engine} ${numerics.version}, ${plural(numerics.threads, "thread")}`],
      ["seed", String(seed)],
      ...inputs.map((input) => ["from", `${shortKey(input.key)}  ${input.stage}`] as const),
      ...data.map(({ dataset, digest }) => ["data", `${shortKey(digest)}  ${dataset}`] as const),
      [weights === null ? "results" : "weights", `sha256 ${output}`],
    );
  }
  return [`${kind}: ${what}`, ...facts.map(([name, value]) => `  ${name.padEnd(8)}  ${value}`)].join("\n");
}

const namesOfKinds: Readonly<Record<VerifiedKind, readonly [one: string, many: string]>> = {
  stage: ["stage", "stages"],
  checkpoint: ["folder of checkpoints", "folders of checkpoints"],
  fit: ["fit", "fits"],
  pack: ["pack", "packs"],
  run: ["run", "runs"],
};

/** Says what was checked and how much of it is damaged. The damage itself is printed as diagnostics. */
export function printVerification({ checked, damaged }: Verification): string {
  const parts = verifiedKinds.flatMap((kind) =>
    checked[kind] === 0 ? [] : [plural(checked[kind], ...namesOfKinds[kind])],
  );
  if (parts.length === 0) return "there is nothing to verify";
  const verdict =
    damaged.length === 0
      ? "everything is as it was written"
      : `${plural(damaged.length, "place is damaged", "places are damaged")}`;
  return `checked ${parts.join(", ")}: ${verdict}`;
}

const causes: Readonly<Record<Cause, string>> = {
  unused: "no kept run uses it",
  finished: "its stage is finished",
  damaged: "it was found damaged",
  leftover: "a killed process left it",
  old: "another version of fslc installed it",
};

/** Formats what was removed or would be, and what stays because of other processes. */
export function printCollection(
  { dryRun, keptRuns, removed, bytes: size, staying }: Collection,
  width: number,
): string {
  const rows = removed.map((one) => [
    shortKey(one.key),
    one.kind,
    one.what,
    bytes(one.bytes),
    causes[one.because],
    shortPath(one.path),
  ]);
  const list = table(["key", "kind", "what", "size", "because", "path"], rows, {
    align: ["left", "left", "left", "right"],
    width,
  });
  const verb = dryRun ? "would remove" : "removed";
  const total =
    removed.length === 0
      ? "nothing to remove"
      : `${verb} ${plural(removed.length, "thing")}, ${bytes(size)} (${count(size)} bytes)`;
  const kept = `${plural(keptRuns.length, "run keeps its stages", "runs keep their stages")}`;
  const kinds = staying.map((kind) => `${kind}s`).join(", ");
  const held = kinds === "" ? "" : `; all ${kinds} stay, because another process works in this project`;
  return joinParts([rows.length === 0 ? "" : list, `${total}; ${kept}${held}`]);
}
