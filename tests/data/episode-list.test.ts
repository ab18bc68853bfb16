import { describe, expect, test } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { PackedSplit } from "../../src/runtime/data/contract.js";
import { disjointEpisodes, disjointSubset } from "../../src/runtime/data/disjoint-episodes.js";
import {
  type EpisodeList,
  formatEpisodeList,
  parseEpisodeList,
  resolveEpisodes,
  toEpisodeList,
} from "../../src/runtime/data/episode-list.js";
import { sampleEpisode } from "../../src/runtime/data/index.js";
import { placeOf } from "../../src/runtime/system/json-place.js";

const task = { way: 2, shot: 2, query: 1 };
/** Three classes of five images; in the third, two lie in folders of their own under one name. */
const paths = [
  ...Array.from({ length: 5 }, (_, i) => `test/ant/a${i}.png`),
  ...Array.from({ length: 5 }, (_, i) => `test/bee/b${i}.png`),
  ...["one/x.png", "two/x.png", "c2.png", "c3.png", "c4.png"].map((name) => `test/cow/${name}`),
];
const split: PackedSplit = {
  split: "test",
  digest: "d",
  imageDigest: "d",
  classes: ["ant", "bee", "cow"],
  offsets: Int32Array.from([0, 5, 10, 15]),
  sourceOf: (image) => paths[image] ?? "",
};
const episodes = Array.from({ length: 7 }, (_, i) => sampleEpisode(0, "evaluate", split, task, i));

/** The list of a text, as it must be right. */
function listOf(text: string): EpisodeList {
  const read = parseEpisodeList(text);
  if ("problem" in read) throw new Error(read.problem);
  return read.list;
}
const resolved = (text: string) => resolveEpisodes(text, listOf(text), split, "list.json");
/** What is wrong with a text, and the text that it points at. */
function refusal(text: string): [string, string] {
  const read = parseEpisodeList(text);
  if ("problem" in read) return [read.problem, text.slice(read.place?.start, read.place?.end)];
  try {
    resolveEpisodes(text, read.list, split, "list.json");
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    const { message, span, help } = error.diagnostic;
    return [[message, ...help].join("; "), text.slice(span?.start, span?.end)];
  }
  throw new Error("it was not refused");
}
const episode = (...classes: unknown[]): string =>
  JSON.stringify({ format: 1, way: 2, shot: 2, query: 1, episodes: [classes, classes] });
const ant = { class: "ant", support: ["a0.png", 1], query: ["ant/a2.png"] };

test("sampled episodes written and read again are the same episodes", () => {
  const text = formatEpisodeList(toEpisodeList(split, task, episodes));
  expect(resolved(text)).toEqual(episodes);
  expect(parseEpisodeList(text)).toMatchObject({ task, episodes: 7 });
});

test("where paths of a class are not its own, images are written by number", () => {
  const turned = { ...split, sourceOf: () => "one.png" };
  const list = toEpisodeList(turned, task, episodes);
  expect(list.episodes[0]?.[0]?.support.every((image) => typeof image === "number")).toBe(true);
  expect(resolveEpisodes("", list, turned, "list.json")).toEqual(episodes);
});

test("the digest is the list's, not its text's", () => {
  const list = toEpisodeList(split, task, episodes);
  const digest = (text: string): unknown => "digest" in parseEpisodeList(text) && parseEpisodeList(text);
  expect(digest(JSON.stringify(list))).toEqual(digest(formatEpisodeList(list)));
  const [first, ...rest] = list.episodes;
  const swapped = { ...list, episodes: [...rest, first] };
  expect(digest(JSON.stringify(swapped))).not.toEqual(digest(JSON.stringify(list)));
});

describe("what is wrong is said with its place", () => {
  test.each([
    ["no JSON", "[", "it is not JSON", ""],
    ["a part missing", '{"format": 1}', "must have required property 'way'", '{"format": 1}'],
    ["another type", episode(ant, { class: "bee", support: [0, -1], query: [2] }), "must be >= 0", "-1"],
    ["one class of two", episode(ant), "has 1 classes, and the list says 2", JSON.stringify([ant])],
    ["a class twice", episode(ant, ant), "the episode has this class twice", '"ant"'],
    ["uneven", episode(ant, { class: "bee", support: [0], query: [2] }), "1 image is here", "[0]"],
    ["no such class", episode(ant, { class: "bea", support: [0, 1], query: [2] }), "did you mean `bee`?", '"bea"'],
    [
      "no such image",
      episode(ant, { class: "bee", support: [0, "b9.png"], query: [2] }),
      "no image of `bee`",
      '"b9.png"',
    ],
    [
      "of another class",
      episode(ant, { class: "bee", support: [0, "a1.png"], query: [2] }),
      "one of `ant`",
      '"a1.png"',
    ],
    [
      "beyond the last",
      episode(ant, { class: "bee", support: [0, 5], query: [2] }),
      "has 5 images, counted from 0",
      "5",
    ],
    ["two of one name", episode(ant, { class: "cow", support: [2, "x.png"], query: [3] }), "several images", '"x.png"'],
    [
      "a query supported",
      episode(ant, { class: "bee", support: [0, 1], query: ["b1.png"] }),
      "among the supports",
      '"b1.png"',
    ],
    [
      "an image twice",
      episode(ant, { class: "bee", support: [0, "b0.png"], query: [2] }),
      "has this image twice",
      '"b0.png"',
    ],
  ])("%s", (_, text, problem, place) => {
    const [said, shown] = refusal(text);
    expect(said).toContain(problem);
    if (text !== "[") expect(shown).toBe(place);
  });
});

test("the place of a value in a text, whatever stands around it", () => {
  const text = ' { "a\\"": [1, {"b": "x, ]}"}, null ] , "c" : -2.5e3}';
  const at = (...path: (string | number)[]): string => {
    const { start, end } = placeOf(text, path);
    return text.slice(start, end);
  };
  expect(at('a"', 1, "b")).toBe('"x, ]}"');
  expect(at('a"', 2)).toBe("null");
  expect(at("c")).toBe("-2.5e3");
  expect(at("c", "none")).toBe("-2.5e3");
  expect(at()).toBe(text.trim());
});

test("disjoint episodes share no image, are as many as fit, and depend on the seed alone", () => {
  const large = {
    ...split,
    classes: Array.from({ length: 8 }, (_, c) => `c${c}`),
    offsets: Int32Array.from({ length: 9 }, (_, c) => 10 * c),
  };
  const drawn = disjointEpisodes(3, large, { way: 3, shot: 1, query: 2 });
  const images = drawn.flatMap(({ support, query }) => [...support, ...query]);
  expect(new Set(images).size).toBe(images.length);
  // Eight classes of three portions each; at most two classes' last portions are left over.
  expect(drawn.length).toBeGreaterThanOrEqual(6);
  expect(disjointEpisodes(3, large, { way: 3, shot: 1, query: 2 })).toEqual(drawn);
  expect(disjointEpisodes(4, large, { way: 3, shot: 1, query: 2 })).not.toEqual(drawn);
  for (const { classes, support } of drawn) {
    expect(new Set(classes).size).toBe(3);
    support.forEach((image, w) => expect(Math.floor(image / 10)).toBe(classes[w]));
  }
  expect(disjointSubset([...drawn, ...drawn])).toEqual(drawn);
});
