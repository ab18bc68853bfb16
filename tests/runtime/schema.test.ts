/** The schemas of fslc's files, and the functions that the build has made of them. */

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { schemaProblem } from "../../src/runtime/system/schema.js";

test("every schema is one of JSON Schema 2020-12", () => {
  const names = readdirSync("schemas").filter((name) => name.endsWith(".schema.json"));
  expect(names).toContain("pack.schema.json");
  const ajv = new Ajv2020({ allowUnionTypes: true, strict: true });
  for (const name of names) {
    const schema: unknown = JSON.parse(readFileSync(`schemas/${name}`, "utf8"));
    expect(ajv.validateSchema(schema as object), `${name}: ${ajv.errorsText()}`).toBe(true);
  }
});

test("the build has a function for every schema, which finds what the sources find", () => {
  const built = createRequire(import.meta.url)("../../dist/schemas/pack.cjs") as ValidateFunction;
  expect(readdirSync("dist/schemas").length).toBeGreaterThanOrEqual(
    readdirSync("schemas").filter((name) => name.endsWith(".schema.json")).length,
  );
  expect(built({})).toBe(false);
  expect(`it ${built.errors?.[0]?.message}`).toBe(schemaProblem("pack", {}));
});

test("a value that breaks a schema is named with its place", () => {
  expect(schemaProblem("pack", {})).toMatch(/^it must have required property/);
});
