/** `--params FILE`: one JSON object of parameter values, checked by a schema before the compiler sees it. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { DiagnosticError, diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { ParamValue } from "../compiler/typed/tree.js";
import { reason } from "../runtime/system/reason.js";

const schema = {
  type: "object",
  additionalProperties: { $ref: "#/definitions/value" },
  definitions: {
    value: {
      anyOf: [
        { type: "number" },
        { type: "boolean" },
        { type: "string" },
        { type: "array", items: { $ref: "#/definitions/value" } },
      ],
    },
  },
};

/** @throws DiagnosticError FSL7043 where the file is not there, not JSON or not such an object. */
export function readParameterFile(path: string): Record<string, ParamValue> {
  const refuse = (why: string): DiagnosticError => new DiagnosticError(diagnostic("FSL7043", undefined, { path, why }));
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw refuse(reason(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  // Loaded only where there is a parameter file: ajv would take a tenth of a cold start.
  const { Ajv } = createRequire(import.meta.url)("ajv") as typeof import("ajv");
  const validate = new Ajv().compile<Record<string, ParamValue>>(schema);
  if (validate(value)) return value;
  // The first part of a path such as /shots is the parameter; what anyOf says about each branch helps nobody.
  const name = validate.errors?.[0]?.instancePath.split("/")[1];
  throw refuse(
    name === undefined
      ? "it holds no JSON object"
      : `\`${name}\` is neither a number, a text, true or false, nor a list of these`,
  );
}
