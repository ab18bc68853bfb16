import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { engineTable } from "./table.js";

/** UPDATE_GOLDEN=1 writes the table. */
const page = new URL("../../docs/engines.md", import.meta.url);
const between = /(<!-- ops: begin -->\n)[\s\S]*?(\n<!-- ops: end -->)/;

test("the table of ops in docs/engines.md is what the engines run: UPDATE_GOLDEN=1 writes it", () => {
  const text = readFileSync(page, "utf8");
  expect(text).toMatch(between);
  const now = text.replace(between, (_, begin: string, end: string) => `${begin}${engineTable()}${end}`);
  if (process.env.UPDATE_GOLDEN) writeFileSync(page, now);
  else expect(text).toBe(now);
});
