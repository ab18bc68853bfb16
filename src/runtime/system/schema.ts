/** Checks values against the JSON Schemas of the files that fslc writes and reads. */
import type { ValidateFunction } from "ajv";
import { checkOf } from "./schema-checks.js";

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
    validate = checkOf(name);
    compiled.set(name, validate);
  }
  if (validate(value)) return undefined;
  const first = validate.errors?.[0];
  return { pointer: first?.instancePath ?? "", why: first?.message ?? "is not valid" };
}
