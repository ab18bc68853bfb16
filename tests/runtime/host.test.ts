import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { moduleId, nodeHost, pathOf } from "../../src/runtime/host/host.js";
import { findProject, type Project } from "../../src/runtime/system/project.js";
import { threadBudget } from "../../src/runtime/system/threads.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fslc-host-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const projectAt = (): Project => ({ dir, home: join(dir, ".fslc") });

test("the library lies in the package, whatever the project", () => {
  const host = nodeHost(projectAt());
  expect(host.resolveImport("a.fsl", "fsl:metrics")).toBe("fsl:metrics");
  expect(host.readFile("fsl:metrics")).toContain("metric prototypes");
  expect(host.resolveImport("fsl:metrics", "./functions.fsl")).toBe("fsl:functions");
  expect(host.readFile("fsl:nothing")).toBeUndefined();
  for (const bad of ["fsl:../package", "fsl:", "fsl:a/b"]) expect(host.resolveImport("a.fsl", bad)).toBeUndefined();
  expect(pathOf(projectAt(), "fsl:../package")).toBeUndefined();
});

test("relative imports are resolved from the importing file and stay in the project", () => {
  const host = nodeHost(projectAt());
  expect(host.resolveImport("exp/a.fsl", "./b.fsl")).toBe("exp/b.fsl");
  expect(host.resolveImport("exp/a.fsl", "../c.fsl")).toBe("c.fsl");
  expect(host.resolveImport("a.fsl", "../outside.fsl")).toBeUndefined();
  expect(host.resolveImport("a.fsl", join(dir, "b.fsl"))).toBeUndefined();
  expect(host.resolveImport("a.fsl", "b.fsl")).toBeUndefined();
  expect(host.resolveImport("fsl:metrics", "../package.json")).toBeUndefined();
});

test("the files beside one that is not there are what may have been meant", () => {
  mkdirSync(join(dir, "exp"));
  for (const name of ["methods.fsl", "nets.fsl", "notes.txt"]) writeFileSync(join(dir, name), "");
  const host = nodeHost(projectAt());
  expect(host.besides?.("exp/a.fsl", "../method.fsl")?.toSorted()).toEqual(["../methods.fsl", "../nets.fsl"]);
  expect(host.besides?.("exp/a.fsl", "./nowhere/b.fsl")).toEqual([]);
  writeFileSync(join(dir, "exp", "a.fsl"), 'fsl 1\nimport { net } from "../net.fsl"\n');
  const { diagnostics } = compile(host, "exp/a.fsl", { set: {} });
  expect(diagnostics.map(({ code, help }) => [code, help])).toContainEqual([
    "FSL2002",
    ["did you mean `../nets.fsl`?"],
  ]);
});

test("modules are read by their ids", () => {
  mkdirSync(join(dir, "exp"));
  writeFileSync(join(dir, "exp", "a.fsl"), "fsl 1\n");
  expect(moduleId(projectAt(), join(dir, "exp", "a.fsl"))).toBe("exp/a.fsl");
  expect(nodeHost(projectAt()).readFile("exp/a.fsl")).toBe("fsl 1\n");
  expect(nodeHost(projectAt()).readFile("exp/b.fsl")).toBeUndefined();
  expect(nodeHost(projectAt()).readFile("exp")).toBeUndefined();
});

test("a project is the nearest marked folder above the file, else the file's own", () => {
  mkdirSync(join(dir, "exp", "deep"), { recursive: true });
  const file = join(dir, "exp", "deep", "a.fsl");
  expect(findProject(file).dir).toBe(join(dir, "exp", "deep"));
  writeFileSync(join(dir, "exp", "package.json"), "{}");
  expect(findProject(file)).toEqual({ dir: join(dir, "exp"), home: join(dir, "exp", ".fslc") });
  mkdirSync(join(dir, "exp", "deep", ".fslc"));
  expect(findProject(file).dir).toBe(join(dir, "exp", "deep"));
  expect(findProject(file, { dir, home: join(dir, "cache") })).toEqual({ dir, home: join(dir, "cache") });
});

test("threads: the engine keeps all of a few cores and leaves a quarter of many to loaders", () => {
  expect(threadBudget(1)).toEqual({ engine: 1, loaders: 1 });
  expect(threadBudget(2)).toEqual({ engine: 2, loaders: 1 });
  expect(threadBudget(8)).toEqual({ engine: 6, loaders: 2 });
  expect(threadBudget(64)).toEqual({ engine: 60, loaders: 4 });
});
