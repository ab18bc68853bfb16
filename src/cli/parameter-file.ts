/** Reads the file of `--params FILE`: a JSON object of parameter values, which a schema checks before the compiler sees it. */
import { createRequire } from "node:module";
import { DiagnosticError, diagnostic } from "../compiler/diagnostics/diagnostic.js";
import type { ParamValue } from "../compiler/typed/tree.js";
import { notJson } from "../runtime/system/json-place.js";
import { readText } from "../runtime/system/read-file.js";
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

/** The most lists in one another. A value of FSL needs three. */
const mostNested = 32;

/** Returns how deep a value of JSON is nested, and no more than one level too many. */
function depthOf(value: unknown): number {
  let level: unknown[] = [value];
  let depth = 0;
  for (; level.length > 0 && depth <= mostNested + 1; depth++) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return depth - 1;
}

/**
 * Reads parameter values from a JSON file.
 *
 * @throws DiagnosticError FSL7043 if the file cannot be read, is not JSON, or is not an object of parameter values.
 */
export function readParameterFile(path: string): Record<string, ParamValue> {
  const refuse = (why: string): DiagnosticError => new DiagnosticError(diagnostic("FSL7043", undefined, { path, why }));
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw refuse(reason(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(notJson(text, error));
  }
  if (depthOf(value) > mostNested) throw refuse(`its lists are nested more than ${mostNested} deep`);
  // Ajv is loaded only if there is a parameter file, because loading it takes a tenth of a cold start.
  const { Ajv } = createRequire(import.meta.url)("ajv") as typeof import("ajv");
  const validate = new Ajv().compile<Record<string, ParamValue>>(schema);
  if (validate(value)) return value;
  // The first part of a path such as /shots is the parameter. Ajv's messages about each branch of `anyOf` would not help.
  const name = validate.errors?.[0]?.instancePath.split("/")[1];
  throw refuse(
    name === undefined
      ? "it does not contain a JSON object"
      : `\`${name}\` is not a number, a text, true, false or a list of these`,
  );
}
