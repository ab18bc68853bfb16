/** Descriptions of classes: the files that a user brings, words as numbers, and the tables that sources have. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Dataset, Description } from "../../src/compiler/typed/tree.js";
import { describeClasses, loadDescription } from "../../src/runtime/data/descriptions/index.js";
import { parseDescription } from "../../src/runtime/data/descriptions/parse.js";
import { tableOfWords } from "../../src/runtime/data/descriptions/table.js";
import { wordsOfDrawings } from "../../src/runtime/data/sources/emoji-tags.js";

const parsed = (name: string, text: string) => parseDescription(name, Buffer.from(text));

describe("files of numbers", () => {
  const rows = new Map([
    ["ant", [1, 0.5]],
    ["wood bee", [0, -2]],
  ]);
  it.each([
    ["t.csv", 'class,small,"red, deep"\nant,1,0.5\nwood bee,0,-2\n', ["small", "red, deep"]],
    ["t.json", '{"ant": [1, 0.5], "wood bee": [0, -2]}', ["0", "1"]],
    ["t.json", '{"ant": {"small": 1, "red": 0.5}, "wood bee": {"red": -2, "small": 0}}', ["small", "red"]],
  ])("%s", (name, text, columns) => {
    expect(parsed(name, text)).toEqual({ numbers: { columns, rows } });
  });
  it("may be lines of a name and its numbers", () => {
    expect(parsed("words.txt", "ant 1 0.5\r\nbee\t0  -2\n\n")).toEqual({
      numbers: {
        columns: ["0", "1"],
        rows: new Map([
          ["ant", [1, 0.5]],
          ["bee", [0, -2]],
        ]),
      },
    });
  });
  it.each([
    ["t.csv", "class\nant\n", /name the columns/],
    ["t.csv", "class,a\nant,1\nant,2\n", /two rows/],
    ["t.csv", "class,a,b\nant,1\n", /has 1 numbers, and others have 2/],
    ["t.csv", "class,a\nant,\n", /value 1 of `ant` is not a number/],
    ["t.csv", 'class,a\n"ant,1\n', /no CSV/],
    ["t.json", "{", /no JSON/],
    ["t.json", "[1]", /an object by class/],
    ["t.json", '{"ant": [1], "bee": {"a": 1}}', /in another way/],
    ["t.json", '{"ant": {"a": 1}, "bee": {"b": 1}}', /`b` that the first class lacks/],
    ["t.txt", "ant 1\nbee x\n", /not a number/],
    ["t.txt", "\n", /no rows/],
  ])("%s: %s is refused", (name, text, problem) => {
    expect(() => parsed(name, text)).toThrow(problem);
  });
});

describe("words", () => {
  it("count if two training classes have them, by how rare they are there", () => {
    const words = new Map([
      ["ant", ["small", "insect", "rare"]],
      ["bee", ["small", "insect", "small"]],
      ["cow", ["large"]],
      ["dog", ["small", "large", "unseen"]],
    ]);
    const { columns, rows } = tableOfWords(words, ["ant", "bee", "cow"]);
    expect(columns).toEqual(["insect", "small"]);
    const one = Math.log(3 / 2);
    expect([...rows]).toEqual([
      ["ant", [one, one]],
      ["bee", [one, one]],
      ["cow", [0, 0]],
      ["dog", [0, one]],
    ]);
  });
  it("of emoji are found by the characters of a drawing, with and without the sign of variation", () => {
    const characters = { "0030-20e3": "keycap-0", "1f41c": "ant", "2764-fe0f": "red-heart", "1f99f": "mosquito" };
    const library = { "0️⃣": ["keycap_0", "Blue-Square"], "🐜": ["ant", "insect"], "❤": ["red_heart", "love"] };
    expect(wordsOfDrawings(characters, library)).toEqual({
      "keycap-0": ["keycap", "0", "blue", "square"],
      ant: ["ant", "insect"],
      "red-heart": ["red", "heart", "love"],
    });
  });
});

describe("of a dataset", () => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-descriptions-"));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const places = { projectDir: dir, cacheDir: join(dir, "cache") };
  for (const [split, name] of [
    ["train", "ant"],
    ["train", "bee"],
    ["test", "cow"],
  ] as const) {
    mkdirSync(join(dir, "images", split, name), { recursive: true });
    writeFileSync(join(dir, "images", split, name, "0.png"), "");
  }
  const source = { kind: "folder", args: { root: "images", lists: "", val: 0.16, test: 0.2 } };
  const asked = (file: string, text: string) => {
    writeFileSync(join(dir, file), text);
    return describeClasses(source, { name: "word", file }, places);
  };

  it("needs a row for each class, and names the nearest", () => {
    const found = asked("missing.csv", "class,a\nant,1\nbee,2\ncows,3\n");
    expect(found).toMatchObject({ problem: "the class `cow` has no row; the nearest is `cows`" });
  });
  it("gives the rows of a split as they were checked", async () => {
    const given = asked("words.json", '{"ant": ["small", "six"], "bee": ["small", "six"], "cow": ["small"]}');
    if ("problem" in given) throw new Error(given.problem);
    const description: Description = { name: "word", file: "words.json", ...given };
    const dataset = { name: "d", source, span: { file: "t.fsl", start: 0, end: 0 } } as unknown as Dataset;
    const options = { ...places, signal: new AbortController().signal, onProgress: () => undefined };
    const load = () =>
      loadDescription(dataset, description, { split: { classes: ["cow"] }, training: ["ant", "bee"] }, options);
    expect([...(await load())]).toEqual([0, 0].map(() => Math.log(2 / 2)));
    asked("words.json", '{"ant": ["small"], "bee": ["small"], "cow": ["small"]}');
    await expect(load()).rejects.toMatchObject({ diagnostic: { code: "FSL6052" } });
  });

  it("is the attributes of CUB, as fractions", async () => {
    const root = join(dir, "CUB_200_2011");
    mkdirSync(join(root, "attributes"), { recursive: true });
    mkdirSync(join(root, "images"));
    writeFileSync(join(root, "classes.txt"), "1 001.Albatross\n2 002.Auklet\n");
    const list = join(root, "attributes", "class_attribute_labels_continuous.txt");
    writeFileSync(list, "0 50 100\n12.5 0 1e1\n");
    const cub = { kind: "cub", args: { root } };
    const attribute = { name: "attribute", file: undefined };
    const given = describeClasses(cub, attribute, places);
    expect(given).toMatchObject({ size: 3 });
    if ("problem" in given) throw new Error(given.problem);
    const dataset = { name: "birds", source: cub, span: { file: "t.fsl", start: 0, end: 0 } } as unknown as Dataset;
    const options = { ...places, signal: new AbortController().signal, onProgress: () => undefined };
    const split = { classes: ["002.Auklet", "001.Albatross"] };
    const rows = await loadDescription(dataset, { name: "attribute", ...given }, { split, training: [] }, options);
    expect([...rows].map((v) => Number(v.toFixed(6)))).toEqual([0.125, 0, 0.1, 0, 0.5, 1]);
    writeFileSync(list, "0 50 100\n");
    expect(describeClasses(cub, attribute, places)).toMatchObject({ problem: /1 lines for 2 classes/ });
  });
});
