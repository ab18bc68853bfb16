/** A method is a file of the library: neither the compiler nor the runtime knows one by name. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const declared = (file: string, word: string): string[] =>
  [...readFileSync(join(root, "specs", file), "utf8").matchAll(new RegExp(`^${word} (\\w+)`, "gm"))].map(
    ([, name]) => name ?? "",
  );
const families = readdirSync(join(root, "specs")).filter(
  (file) => file.endsWith(".fsl") && declared(file, "metric").length > 0,
);
const methods = families.flatMap((file) => declared(file, "metric"));

/** Names by which the field speaks of them. */
const known =
  /\b(?:proto_?net|matching_?net|relation_?net|fo_?maml|maml|anil|boil|reptile|meta_?sgd|r2d2|meta_?opt_?net|leo|versa|simple_?shot|deep_?bdc|dn4|frn|tim_?(?:gd|adm)|pt_?map|bd_?cspn|laplacian_?shot|rfs|skd|s2m2|neg_?cos)\b/i;

const files = ["src", "grammar"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name)),
);

/**
 * What a program does by: identifiers, and texts that are a word by themselves. Comments may cite a paper; longer texts
 * are messages and the experiments that they show.
 */
function acting(code: string): string[] {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|[A-Za-z_$][\w$]*/g;
  return [...code.matchAll(token)].flatMap(([text]) => {
    if (text.startsWith("/")) return [];
    if (!/^["'`]/.test(text)) return [text];
    const inside = text.slice(1, -1);
    return /^[\w.-]+$/.test(inside) ? [inside] : [];
  });
}

// These are ordinary words too.
const ordinary = new Set(["relation", "matching", "baseline", "fine_tuning", "described"]);

it("the library has methods in every family", () => {
  expect(families).toEqual(expect.arrayContaining(["finetuning.fsl", "meta.fsl", "metrics.fsl", "transductive.fsl"]));
  expect(methods.length).toBeGreaterThan(20);
  expect(files.length).toBeGreaterThan(100);
});

it("what acts is told from comments, messages and examples", () => {
  const code = `// MAML\nif (name === "maml") run(r2d2) /* tim */; say(\`no metric maml\`); import "./tim.js";`;
  expect(acting(code)).toEqual(["if", "name", "maml", "run", "r2d2", "say", "import"]);
});

it.each(files)("%s names no method", (file) => {
  const words = acting(readFileSync(join(root, file), "utf8"));
  const names = words.filter((word) => known.test(word) || (methods.includes(word) && !ordinary.has(word)));
  expect([...new Set(names)]).toEqual([]);
  const paths = words.filter((word) =>
    methods.some((method) => word.split(/[./-]/).includes(method) && !ordinary.has(method)),
  );
  expect(paths).toEqual([]);
});
