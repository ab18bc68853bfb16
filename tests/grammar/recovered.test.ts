import { expect, test } from "vitest";
import { parse } from "../../grammar/parse.js";
import { outsideParents } from "./helpers.js";

test.each([
  ["an episode whose last part is missing", "episode one = 5 way, \n"],
  ["a list whose last item is missing", "let a = [1, \n"],
  ["a second mistake before it", " 1\nepisode one(queries = 5 query) = 20 way, 5 shot, \n"],
  ["a call whose last argument is missing", "dataset d = emoji(a: 1, \n"],
])("%s lies in the node around it", (_, text) => {
  expect(outsideParents(parse(text, "x.fsl").tree)).toEqual([]);
});
