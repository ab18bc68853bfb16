/** Formats the sources of images for `fslc data list`, and one of them for `fslc data how`. */
import type { ArgDescription, SourceDescription } from "../../runtime/data/index.js";
import { hanging } from "./wrap.js";

export function printSources(sources: readonly SourceDescription[]): string {
  const usage = 'In an experiment: import { emoji } from "fsl:datasets". See docs/language.md for more.\n';
  return [...sources.map(printSource), usage].join("\n");
}

function printSource({ kind, summary, args, obtain, license, fetched }: SourceDescription): string {
  return [
    `${kind}: ${summary}`,
    ...args.map(printArgument),
    `  ${fetched ? "fetched on first use" : "where to get it"}: ${obtain}`,
    `  license: ${license}`,
    "",
  ].join("\n");
}

function printArgument({ name, type, choices, default: value, meaning }: ArgDescription): string {
  const given = value === undefined ? "required" : `default ${JSON.stringify(value)}`;
  return `    ${name}: ${choices?.join(" or ") ?? type} (${given})  ${meaning}`;
}

/** Formats how to get the data of a source. `root` is its folder, and `present` says which of the needed files are there. */
export function printHow(
  { kind, summary, obtain, download, license, fetched }: SourceDescription,
  root: string | undefined,
  present: readonly { readonly path: string; readonly isThere: boolean }[],
  width: number,
): string {
  const rows: (readonly [string, string] | undefined)[] = [
    [fetched ? "fetched on first use" : "where to get it", obtain],
    download === undefined ? undefined : ["size", `${download} to download`],
    ["license", license],
    root === undefined ? undefined : ["folder", root],
    present.length === 0 ? undefined : ["which has", present.map(({ path }) => path).join(", ")],
    present.some(({ isThere }) => !isThere) ? ["missing", missingOf(present)] : undefined,
    fetched || root === undefined ? undefined : ["in an experiment", `dataset d = ${kind}(root: "${root}")`],
  ];
  const lines = rows.flatMap((row) => (row === undefined ? [] : hanging(`  ${row[0]}: `, row[1], width)));
  return [...hanging(`${kind}: `, summary, width), ...lines, "", ""].join("\n");
}

function missingOf(present: readonly { readonly path: string; readonly isThere: boolean }[]): string {
  const missing = present.filter(({ isThere }) => !isThere).map(({ path }) => path);
  return missing.length === present.length ? "all of it" : missing.join(", ");
}
