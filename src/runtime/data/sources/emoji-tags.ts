/** The tags of the emoji: the words of `emojilib`, joined to the drawings by the characters that an icon set names. */
import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { createFolder, exists } from "../../system/durable.js";
import type { PinnedPackage } from "../../system/npm-packages.js";
import { type ClassWords, tableOfWords } from "../descriptions/table.js";
import { writing } from "../write-error.js";
import type { DataFolders, SourceDescriptions } from "./source.js";

/** The words of each emoji, and an icon set whose `chars.json` says which drawing shows which emoji. */
const words: PinnedPackage = {
  name: "emojilib",
  version: "4.0.3",
  integrity: "sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
};

/** The number of words that two or more training classes have, and the digest of the whole table. A test computes both anew. */
const known = { size: 829, digest: "c44487744fa061b7ab4acb9545d4c71f6cfc1cb3225920bb04cc1af8da9f1157" } as const;

const ruleOfWords = "lower case, cut at everything but letters and digits; 1";

function folderOf({ cacheDir }: DataFolders, characters: PinnedPackage): string {
  const pinned = createHash("sha256")
    .update(JSON.stringify([ruleOfWords, words, characters]))
    .digest("hex");
  return join(cacheDir, "sources", `emoji-tags-${pinned.slice(0, 16)}`);
}

/** The sign that asks for a colored drawing, which some write behind an emoji and others leave out. */
const variation = 0xfe0f;

/** Returns code points as a text without leading zeros and without the sign of variation. */
function codeText(codes: readonly number[]): string {
  return codes
    .filter((code) => code !== variation)
    .map((code) => code.toString(16))
    .join("-");
}

/**
 * Returns the words of each drawing.
 *
 * @param characters the content of `chars.json`: the name of a drawing by the code points of its emoji
 * @param library the content of emojilib: keywords by emoji
 */
export function wordsOfDrawings(
  characters: Readonly<Record<string, string>>,
  library: Readonly<Record<string, readonly string[]>>,
): Record<string, string[]> {
  const byCode = new Map(
    Object.entries(library).map(([emoji, keywords]) => [
      codeText([...emoji].map((character) => character.codePointAt(0) ?? 0)),
      keywords,
    ]),
  );
  const found: Record<string, string[]> = {};
  for (const [codes, name] of Object.entries(characters)) {
    const keywords = byCode.get(codeText(codes.split("-").map((code) => Number.parseInt(code, 16))));
    if (keywords !== undefined && found[name] === undefined) found[name] = wordsIn(keywords);
  }
  return found;
}

function wordsIn(keywords: readonly string[]): string[] {
  return [...new Set(keywords.flatMap((keyword) => keyword.toLowerCase().match(/[a-z0-9]+/g) ?? []))];
}

/** Returns the tags as descriptions of the classes `names`, for drawings whose emoji the set `characters` names. */
export function emojiTags(characters: PinnedPackage): SourceDescriptions {
  return {
    facts: () => known,
    async fetch(_, options) {
      const dir = folderOf(options, characters);
      if (await exists(dir)) return;
      options.onProgress({ phase: "download", done: 0, total: undefined, unit: "bytes" });
      const { fetchPackages } = await import("../../system/npm-packages.js");
      const fill = async (beside: string): Promise<void> => {
        const place = ({ name }: PinnedPackage): string => join(beside, name.replace("/", "-"));
        await fetchPackages([words, characters], place, {
          projectDir: options.projectDir,
          signal: options.signal,
          onBytes: (done, total) => options.onProgress({ phase: "download", done, total, unit: "bytes" }),
        });
        const read = async (path: string): Promise<unknown> => JSON.parse(await readFile(path, "utf8"));
        const found = wordsOfDrawings(
          (await read(join(place(characters), "chars.json"))) as Record<string, string>,
          (await read(join(place(words), "dist", "emoji-en-US.json"))) as Record<string, string[]>,
        );
        await writeFile(join(beside, "words.json"), JSON.stringify(found));
        for (const pinned of [words, characters]) await rm(place(pinned), { recursive: true });
      };
      await writing(dir, createFolder(dir, fill));
    },
    load: async (_, __, training, places) => tableOfWords(await readWords(folderOf(places, characters)), training),
  };
}

/** @throws DiagnosticError FSL6030 if the folder was damaged since. */
async function readWords(dir: string): Promise<ClassWords> {
  try {
    return new Map(
      Object.entries(JSON.parse(await readFile(join(dir, "words.json"), "utf8")) as Record<string, string[]>),
    );
  } catch (error) {
    throw new DiagnosticError(diagnostic("FSL6030", undefined, { dir, problem: "words.json cannot be read" }), {
      cause: error,
    });
  }
}
