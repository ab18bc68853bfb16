/** `fslc check --emit tensor`: every program that a run would execute, and what the optimization passes do to them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fslc } from "./command-line.js";

let dir = "";
let file = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-emit-"));
  file = join(dir, "experiment.fsl");
  writeFileSync(file, experiment);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const experiment = `fsl 1

import { emoji } from "fsl:datasets"
import { simple_shot } from "fsl:metrics"

dataset drawings = emoji(pixels: 8) {
  train resize(8), normalize
  eval resize(8), normalize
}

episode task = 5 way, 1 shot, 3 query

backbone net { conv(3, channels: 4), relu, flatten as vector }

pretrain base {
  data drawings.train
  encoder net
  head linear(class)
  optimizer sgd(lr: 0.05)
  for 1 epoch, 8 images per step, 4 parts per step, drop last
}

evaluate test {
  encoder base.encoder
  metric simple_shot
  episodes task from drawings.test, 10 episodes
  fit from drawings.train
  report accuracy
}
`;

const programNames = (text: string): string[] =>
  [...text.matchAll(/^program (.*?)(?: \{)?$/gm)].map(([, name]) => name ?? "");
const programs = ["base part", "base update", "embed net", "fit simple_shot", "classify simple_shot"];

test("a step in parts and the fits of a metric show each of their programs, in the order in which they run", async () => {
  const { code, out } = await fslc("check", file, "--emit", "tensor");
  expect(code).toBe(0);
  expect(programNames(out)).toEqual(programs);
  expect(out).toContain("host loss = ");
  expect(out).toContain("host fit:mu = ");
});

test("a pass shows the programs as they are after it, with their sizes", async () => {
  const { code, out } = await fslc("check", file, "--emit", "tensor:lowered");
  expect(code).toBe(0);
  expect(programNames(out)).toEqual(programs);
  const headers = out.match(/^\/\/ .* at the peak$/gm) ?? [];
  expect(headers).toHaveLength(programs.length);
  for (const header of headers) {
    expect(header).toMatch(/^\/\/ lowered: \d+ nodes, \S+ \S+ read and written, \S+ \S+ at the peak$/);
  }
  // The last sweep changes nothing: it is the program that `--emit tensor` shows.
  const passes = await fslc("check", file, "--emit", "tensor:passes");
  const last = Math.max(...[...passes.out.matchAll(/after-sweep-(\d+)/g)].map(([, sweep]) => Number(sweep)));
  const swept = await fslc("check", file, "--emit", `tensor:after-sweep-${last}`);
  const final = await fslc("check", file, "--emit", "tensor");
  expect(swept.out.replace(/^\/\/ .* at the peak\n/gm, "")).toBe(final.out);
});

test("the passes of each program are listed with node counts, sizes and rules", async () => {
  const { code, out } = await fslc("check", file, "--emit", "tensor:passes");
  expect(code).toBe(0);
  expect(programNames(out)).toEqual(programs);
  const [part = ""] = out.split("\n\n");
  const nodes = [...part.matchAll(/^ {2}(\S+) +(\d+) nodes, .* read and written, .* at the peak$/gm)];
  expect(nodes.slice(0, 2).map(([, pass]) => pass)).toEqual(["lowered", "after-sweep-1"]);
  expect(Number(nodes.at(-1)?.[2])).toBeLessThan(Number(nodes[0]?.[2]));
  expect(part).toMatch(/^ +\d+ × fold repeated constants, whatever their size$/m);
});

test("a name that is no pass is answered with those that are", async () => {
  const { code, out, err } = await fslc("check", file, "--emit", "tensor:after-fold");
  expect(err).toMatch(/there is no pass `after-fold` to emit; there are lowered, after-sweep-1, .*passes/);
  expect([code, out]).toEqual([3, ""]);
});
