/** Reads eight drawings of each of 878 emoji from icon sets that are npm packages. */
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import type { SourceSplit } from "../../../compiler/typed/tree.js";
import { createFolder, exists } from "../../system/durable.js";
import type { PinnedPackage } from "../../system/npm-packages.js";
import { writing } from "../write-error.js";
import { emojiTags } from "./emoji-tags.js";
import { type DataFolders, type ListedClass, type Source, splitNames } from "./source.js";

const twemoji: PinnedPackage = {
  name: "@iconify-json/twemoji",
  version: "1.2.5",
  integrity: "sha512-uKpuIEV0v6K5BW3Mjdyl+XKFVAbbcPxAgifKvEMtZoUZB5+YiY5zaMm2uNNCxyXzAWU9yNLlj41WU6/mvgALsw==",
};

const drawingSets: readonly PinnedPackage[] = [
  twemoji,
  {
    name: "@iconify-json/noto",
    version: "1.2.9",
    integrity: "sha512-DQiuXENbun41ch+XPSV55H9FaWKpHTyz46YIKtSaKYD4fIDDzL1tR6H4np/T38jfrTAeI3rcKF0mqHYeZVAuaw==",
  },
  {
    name: "@iconify-json/noto-v1",
    version: "1.2.5",
    integrity: "sha512-/DsVMius69Q0fRS53z7QK1TROSuar606jiIx+laXtdsYGMXpf6LtHBx6CGfoo3UHHb/XpBsw+1L1x3eyPqMuVA==",
  },
  {
    name: "@iconify-json/openmoji",
    version: "1.2.29",
    integrity: "sha512-vXdhkqcXVSO6suy+m9LbcUM3OdVyuNOtpV8/als/WqfkQIRxevL5Geb/g+6GH/Qwnq1OqksEmaDGTCmZ5nFKJQ==",
  },
  {
    name: "@iconify-json/fluent-emoji",
    version: "1.2.7",
    integrity: "sha512-D8G6bKAyIsyxP1rzZtIWr/gg/fO4Rg1+DyCWlfqKK4h8W+4Em/Y0P6QYgJUQTlUcagzJvSyg+9OBv4hz4Hc/QA==",
  },
  {
    name: "@iconify-json/fluent-emoji-flat",
    version: "1.2.6",
    integrity: "sha512-RY47RgPb47fYUiyrA64sIOL0+UU02s29sXpNBbIQRBUlPlfNFTKUmZDERGuxDs/7yNGWqQYvuaSYM1M4fRXlUw==",
  },
  {
    name: "@iconify-json/emojione",
    version: "1.2.3",
    integrity: "sha512-T9+T3HIbJNLKKsmxYKlaYhvnHYkz/HNYTV7SHCXVZPfeUi4FqskY70YeN8yYAZT8cCv7w5vJxS4Q1m8zb9CMMg==",
  },
  {
    name: "@iconify-json/emojione-v1",
    version: "1.2.3",
    integrity: "sha512-UjI2VQEXVtGlPBvQuxEizro7QCgBcJDOYwKUupquvvZ8UV4xOlvm45IU82JYWegiAWLerY79gFLMZ26U6Ms+ww==",
  },
];

/** The size of a rendered drawing in pixels. The transforms of the dataset resize from there. */
export const renderedSize = 96;
/** Describes the selection of classes and pictures. It must change if the same packages give other classes or pictures. */
const selectionRule = "icon names of all eight sets that do not begin with `flag`; 96 px on white; 1";

const pinned = createHash("sha256")
  .update(
    JSON.stringify([selectionRule, drawingSets.map(({ name, version, integrity }) => [name, version, integrity])]),
  )
  .digest("hex");

/** Returns the split of a class (64/16/20 percent) by its name alone, so that no class moves if a set gains or loses others. */
export function emojiSplit(name: string): SourceSplit {
  const place = createHash("sha256").update(`emoji:${name}`).digest().readUInt32BE(0) / 2 ** 32;
  return place < 0.64 ? "train" : place < 0.8 ? "val" : "test";
}

interface IconSet {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<
    Record<string, { readonly body: string; readonly width?: number; readonly height?: number }>
  >;
}

/**
 * Returns the sorted names of the icons that all sets have. Skin tones are not among them, because their names differ between
 * the sets. Names that begin with `flag` are left out.
 */
export function sharedNames(sets: readonly IconSet[]): string[] {
  const [first, ...others] = sets;
  return Object.keys(first?.icons ?? {})
    .filter((name) => !name.startsWith("flag") && others.every(({ icons }) => Object.hasOwn(icons, name)))
    .sort();
}

/** Returns a drawing as a square SVG document of `renderedSize` pixels. A drawing that is not square stands in the middle. */
export function svgOf(set: IconSet, name: string): string {
  const icon = set.icons[name];
  if (icon === undefined) throw new Error(`no icon ${name}`);
  const width = icon.width ?? set.width ?? 16;
  const height = icon.height ?? set.height ?? 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${renderedSize}" height="${renderedSize}" viewBox="0 0 ${width} ${height}">${icon.body}</svg>`;
}

/**
 * Reads the names that were stored beside the drawings.
 *
 * @throws DiagnosticError FSL6030 if the folder was damaged since.
 */
async function readNames(dir: string): Promise<readonly string[]> {
  try {
    const names: unknown = JSON.parse(await readFile(join(dir, "names.json"), "utf8"));
    if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
    throw new Error("it is no list of names");
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL6030", undefined, { dir, problem: "names.json cannot be read" }), {
      cause: error,
    });
  }
}

function folderOf({ cacheDir }: DataFolders): string {
  return join(cacheDir, "sources", `emoji-${pinned.slice(0, 16)}`);
}
function shortName({ name }: PinnedPackage): string {
  return name.slice(name.indexOf("/") + 1);
}

export const emoji: Source = {
  description: {
    kind: "emoji",
    summary: "eight drawings of each of 878 emoji, rendered from SVG",
    args: [],
    channels: 3,
    square: true,
    describes: [{ name: "tag", meaning: "the words that two or more training classes have (npm's emojilib, MIT)" }],
    obtain: "27 MB of npm packages, with the registry of your npm configuration",
    license: "CC BY 4.0 (Twemoji, EmojiOne 2), Apache 2.0 (Noto), CC BY-SA 4.0 (OpenMoji, EmojiOne 1), MIT (Fluent)",
    fetched: true,
  },
  pinned,
  describe: emojiTags(twemoji),
  facts: () => ({
    splits: {
      train: { classes: 566, images: 4528, smallest: { name: "admission-tickets", images: 8 } },
      val: { classes: 134, images: 1072, smallest: { name: "airplane-departure", images: 8 } },
      test: { classes: 178, images: 1424, smallest: { name: "aerial-tramway", images: 8 } },
    },
  }),
  roots: () => [],
  async fetch(_, options) {
    const dir = folderOf(options);
    if (await exists(dir)) return;
    options.onProgress({ phase: "download", done: 0, total: undefined, unit: "bytes" });
    const { fetchPackages } = await import("../../system/npm-packages.js");
    const fill = async (beside: string): Promise<void> => {
      const place = (set: PinnedPackage): string => join(beside, `${shortName(set)}.package`);
      await fetchPackages(drawingSets, place, {
        projectDir: options.projectDir,
        signal: options.signal,
        onBytes: (done, total) => options.onProgress({ phase: "download", done, total, unit: "bytes" }),
      });
      const sets: IconSet[] = [];
      for (const set of drawingSets)
        sets.push(JSON.parse(await readFile(join(place(set), "icons.json"), "utf8")) as IconSet);
      const names = sharedNames(sets);
      for (const [i, set] of drawingSets.entries()) {
        const drawings = Object.fromEntries(names.map((name) => [name, svgOf(sets[i] as IconSet, name)]));
        await writeFile(join(beside, `${shortName(set)}.json`), JSON.stringify(drawings));
        await rm(place(set), { recursive: true });
      }
      await writeFile(join(beside, "names.json"), JSON.stringify(names));
    };
    await writing(dir, createFolder(dir, fill));
  },
  async list(_, places) {
    const dir = folderOf(places);
    const names = await readNames(dir);
    const classes: Record<SourceSplit, ListedClass[]> = { train: [], val: [], test: [] };
    for (const name of names) {
      const images = drawingSets.map((set) => ({
        name: `${shortName(set)}/${name}`,
        file: join(dir, `${shortName(set)}.json`),
        entry: name,
      }));
      classes[emojiSplit(name)].push({ name, images });
    }
    return Object.fromEntries(splitNames.map((split) => [split, classes[split]]));
  },
};
