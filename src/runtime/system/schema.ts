/** Checks values against the JSON Schemas of the files that fslc writes and reads. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ValidateFunction } from "ajv";
import { packageRoot } from "./package.js";

export type SchemaName =
  | "checkpoint"
  | "clusters"
  | "event"
  | "episodes"
  | "logits"
  | "manifest"
  | "pack"
  | "plan"
  | "prediction"
  | "scores"
  | "store";

const compiled = new Map<SchemaName, ValidateFunction>();

/** Describes the first error of `value` against a schema, or returns undefined if it has none. */
export function schemaProblem(name: SchemaName, value: unknown): string | undefined {
  const fault = schemaFault(name, value);
  return fault && `${fault.pointer === "" ? "it" : `\`${fault.pointer}\``} ${fault.why}`;
}

/** Returns the first error of `value` against a schema, with the JSON pointer of its place. */
export function schemaFault(
  name: SchemaName,
  value: unknown,
): { readonly pointer: string; readonly why: string } | undefined {
  let validate = compiled.get(name);
  if (validate === undefined) {
    // Ajv is loaded only if a file is checked, because loading it takes a tenth of a cold start.
    const { Ajv2020 } = createRequire(import.meta.url)("ajv/dist/2020.js") as typeof import("ajv/dist/2020.js");
    const schema = JSON.parse(readFileSync(join(packageRoot, "schemas", `${name}.schema.json`), "utf8")) as object;
    // The schemas are fslc's own, and a test checks them. To check them here would take half of the time again.
    const options = { allowUnionTypes: true, strict: true, validateSchema: false, meta: false };
    validate = new Ajv2020(options).compile(schema);
    compiled.set(name, validate);
  }
  if (validate(value)) return undefined;
  const first = validate.errors?.[0];
  return { pointer: first?.instancePath ?? "", why: first?.message ?? "is not valid" };
}
