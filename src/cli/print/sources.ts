/** Formats the sources of images for `fslc data list`. */
import type { ArgDescription, SourceDescription } from "../../runtime/data/index.js";

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
