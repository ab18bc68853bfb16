/** The `describe` lines of datasets: what is known of each class beside its images. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import { onlyForm, seenForm } from "../../typed/described.js";
import type { DataSource, Description, SourceForm } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { evaluate } from "../expressions/evaluate.js";

/** Names that a description cannot have: forms, and axes that the language gives. */
const taken = [
  ...["vector", "map", "image", "class", "encoder", "all", seenForm, onlyForm],
  ...["way", "shot", "query", "n", "item", "feature", "channel", "height", "width"],
];

/** A `describe` line before its table is read. */
export interface WrittenDescription {
  readonly name: ast.Name;
  readonly file: { readonly path: string; readonly span: ast.Span } | undefined;
}

/** Returns the name and the file of a `describe` line, or undefined after a report. */
export function readDescribeLine(line: ast.DatasetLine, scope: Scope): WrittenDescription | undefined {
  const { checker } = scope;
  const [value, ...more] = line.values;
  if (value?.kind !== "ref" || more.length > 0) {
    const holes = { what: "`describe`", expected: "the name of what is described", found: "something else" };
    checker.report("FSL3009", (more[0] ?? value ?? line).span, holes, {
      help: ['write one line for each: `describe attribute` or `describe word from "words.csv"`'],
    });
    return undefined;
  }
  if (taken.includes(value.text)) {
    checker.report("FSL5070", value.span, { name: value.text, why: "the language gives this name a meaning" });
    return undefined;
  }
  const name: ast.Name = { kind: "name", text: value.text, span: value.span };
  if (line.from === undefined) return { name, file: undefined };
  const file = evaluate(line.from, scope);
  if (file.kind === "anything") return undefined;
  if (file.kind !== "text") {
    const holes = { what: "the table of a description", expected: "the path of a file", found: describe(file) };
    checker.report("FSL3009", line.from.span, holes);
    return undefined;
  }
  if (!checker.allowsPath(file.value, file.span)) return undefined;
  return { name, file: { path: file.value, span: line.from.span } };
}

/** Returns a description with its size, or undefined after it has reported (FSL5070) that the table cannot be used. */
export function elaborateDescription(
  { name, file }: WrittenDescription,
  { source, form }: { readonly source: DataSource; readonly form: SourceForm },
  { checker }: Scope,
): Description | undefined {
  const own = form.describes ?? [];
  if (file === undefined && !own.some((one) => one.name === name.text)) {
    const names = own.map((one) => one.name);
    const from = `a table of your own: \`describe ${name.text} from "FILE.csv"\``;
    const why = `\`${source.kind}\` has no such table`;
    checker.report("FSL5070", name.span, { name: name.text, why }, { help: [...suggest(name.text, names), from] });
    return undefined;
  }
  const given = checker.describe(source, { name: name.text, file: file?.path });
  if ("problem" in given) {
    const why = file === undefined ? given.problem : `${file.path}: ${given.problem}`;
    checker.report("FSL5070", file?.span ?? name.span, { name: name.text, why });
    return undefined;
  }
  if (given.size === 0) {
    const why = "no word of it belongs to two training classes, so it would have no numbers";
    checker.report("FSL5070", file?.span ?? name.span, { name: name.text, why });
    return undefined;
  }
  const { size, digest } = given;
  return { name: name.text, size, ...(file === undefined ? {} : { file: file.path }), digest };
}
