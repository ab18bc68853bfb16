/**
 * The functions that check values against schemas. The build makes a file of each, because loading Ajv and compiling a schema takes a
 * tenth of a second of processor time, in every worker. The sources, which tests run, compile them when they are needed.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ValidateFunction } from "ajv";
import type { Ajv2020 } from "ajv/dist/2020.js";
import { packageRoot } from "./package.js";

const schemas = join(packageRoot, "schemas");
const ending = ".schema.json";
const checks = join(packageRoot, "dist", "schemas");
const require = createRequire(import.meta.url);

export function checkOf(name: string): ValidateFunction {
  if (!import.meta.url.endsWith(".ts")) return require(join(checks, `${name}.cjs`)) as ValidateFunction;
  return newAjv().compile(readSchema(name));
}

/** Writes the functions into `dist`. The build calls it. */
export function writeSchemaChecks(): void {
  const { default: textOf } = require("ajv/dist/standalone/index.js") as typeof import("ajv/dist/standalone/index.js");
  mkdirSync(checks, { recursive: true });
  for (const file of readdirSync(schemas).filter((one) => one.endsWith(ending))) {
    const name = file.slice(0, -ending.length);
    const ajv = newAjv();
    writeFileSync(join(checks, `${name}.cjs`), textOf(ajv, ajv.compile(readSchema(name))));
  }
}

function newAjv(): Ajv2020 {
  const { Ajv2020: Ajv } = require("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
  return new Ajv({ allowUnionTypes: true, strict: true, code: { source: true } });
}

const readSchema = (name: string): object =>
  JSON.parse(readFileSync(join(schemas, `${name}${ending}`), "utf8")) as object;
