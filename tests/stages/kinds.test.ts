import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { stageKinds } from "../../grammar/tokens.js";

/** Every kind that a schema names, wherever it stands: the lists and constants of properties called `kind`. */
function kindsIn(schema: string): ReadonlySet<unknown> {
  const kinds = new Set<unknown>();
  JSON.parse(readFileSync(new URL(`../../schemas/${schema}.schema.json`, import.meta.url), "utf8"), (key, value) => {
    if (key !== "kind") return value as unknown;
    const { enum: list = [], const: one } = value as { enum?: readonly unknown[]; const?: unknown };
    for (const kind of [...list, one]) kinds.add(kind);
    return value as unknown;
  });
  return kinds;
}

test.each(["event", "manifest", "plan"])("the schema of a %s names every kind of stage", (schema) => {
  expect([...kindsIn(schema)]).toEqual(expect.arrayContaining([...stageKinds]));
});
