import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { opNames } from "./cases.js";

it("docs/tensor-ir.md has every op in its tables, and no other", () => {
  const text = readFileSync(new URL("../../docs/tensor-ir.md", import.meta.url), "utf8");
  const firstCells = text.split("\n").flatMap((line) => (line.startsWith("| `") ? [line.split("|")[1] ?? ""] : []));
  const named = firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  expect(named.sort()).toEqual([...opNames].sort());
});
