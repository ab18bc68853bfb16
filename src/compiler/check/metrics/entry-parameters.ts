/** The parameters of an entry: the form of each, and what `classify` may have as supports and queries. */
import type * as ast from "../../../../grammar/ast.js";
import type { EntryParam } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { anything } from "../core/values.js";
import { type EntryScope, isClassify } from "./entry-scope.js";
import { encoderCallable, type ParamPlace, resolveParamType } from "./parameter-types.js";

export interface EntryParameters {
  readonly params: readonly EntryParam[];
  /** The names of the parameters that hold queries. */
  readonly queries: ReadonlySet<string>;
  /** False if a parameter has been reported as wrong. */
  readonly valid: boolean;
}

interface DeclaredParameter {
  readonly param: EntryParam;
  /** The axes that are written in the type, or undefined for the encoder. */
  readonly outer: readonly string[] | undefined;
  readonly valid: boolean;
}

/** Defines the parameters in the scope of the entry, those that are wrong too, so that the body is checked. */
export function declareParameters(entry: EntryScope): EntryParameters {
  const { decl, scope } = entry;
  const declared = decl.params.flatMap((param) => declareParameter(param, entry) ?? []);
  const isOfImages = ({ param }: DeclaredParameter): boolean => param.description === undefined;
  const values = declared
    .filter(isOfImages)
    .flatMap(({ param, outer }) => (outer === undefined ? [] : [{ name: param.name, outer }]));
  const queries = new Set(
    values.flatMap(({ name, outer }) => (outer.includes("shot") || outer.includes("u") ? [] : [name])),
  );
  const hasSupport =
    declared.some((each) => !isOfImages(each)) ||
    values.some(({ outer }) => outer.includes("way") && outer.includes("shot"));
  const valid = declared.length === decl.params.length && declared.every((each) => each.valid);
  return {
    params: declared.map(({ param }) => param),
    queries,
    valid: valid && (!isClassify(decl) || checkClassify(decl, { hasSupport, hasQuery: queries.size > 0 }, scope)),
  };
}

function declareParameter(param: ast.Parameter, entry: EntryScope): DeclaredParameter | undefined {
  const { decl, context, scope, frame } = entry;
  const name = param.name.text;
  if (param.type === undefined && name === "encoder") {
    scope.define(name, encoderCallable(context.encoder, param.span));
    return { param: { name, form: "encoder", axes: [] }, outer: undefined, valid: true };
  }
  const resolved = param.type === undefined ? undefined : resolveParamType(param.type, context, placeOf(entry), scope);
  if (resolved === undefined) {
    if (param.type === undefined) reportMissingType(param, scope);
    scope.define(name, anything(param.span));
    return undefined;
  }
  const { form, type, description } = resolved;
  const outer = resolved.outer.map((axis) => axis.name);
  const labelsWays = form !== "class" || checkLabels(param, outer, entry);
  const hasForm = description !== undefined || !isClassify(decl) || checkClassifyAxes(decl, param, outer, scope);
  scope.define(name, frame.tensor(param.name.span, type.kind, type.axes, { k: "param", name }, type.of));
  const described = description === undefined ? {} : { description };
  return { param: { name, form, axes: type.axes, ...described }, outer, valid: labelsWays && hasForm };
}

function placeOf({ context, sizes }: EntryScope): ParamPlace {
  return { sizes, classes: { name: "way", size: context.task.way }, descriptions: context.descriptions };
}

function reportMissingType({ name, span }: ast.Parameter, { checker }: Scope): void {
  const what = `the parameter \`${name.text}\` has no type`;
  const help = [`write \`${name.text}: vector\`, \`${name.text}: map\` or \`${name.text}: image\` with its axes`];
  checker.report("FSL3024", span, { what }, { help });
}

/** Returns whether labels go along `way`, which they index. Reports FSL3024 if they do not. */
function checkLabels({ name, span }: ast.Parameter, outer: readonly string[], { decl, scope }: EntryScope): boolean {
  if (outer.includes("way")) return true;
  const what = `\`${name.text}\` holds labels, which go along \`way\`, and has no such axis`;
  const along = isClassify(decl) || outer.includes("shot") ? "shot" : "query";
  scope.checker.report("FSL3024", span, { what }, { help: [`write \`${name.text}: class [way, ${along}]\``] });
  return false;
}

/** Returns whether `classify` may see these axes at once: supports, one query, or all queries if it is transductive. */
function checkClassifyAxes(
  decl: ast.EntryDecl,
  param: ast.Parameter,
  outer: readonly string[],
  { checker }: Scope,
): boolean {
  const name = param.name.text;
  const axes = [...outer].sort().join(",");
  if (axes === "shot,way" || axes === "" || axes === "u") return true;
  if (axes === "n" && decl.transductive) return true;
  if (axes === "n") {
    const what = `\`${name}\` holds all queries, and \`classify\` does not say \`transductive\``;
    const help = ["write `) transductive -> logits [n, way]`, or take one query: `query: vector`"];
    checker.report("FSL3023", param.span, { what }, { help });
    return false;
  }
  const what = `\`classify\` cannot have \`${name}\` with the axes [${outer.join(", ")}]`;
  const help = [
    "supports are `[way, shot]`, images without labels are `[u]`, the query has no axes of its own, transductive queries are `[n]`",
  ];
  checker.report("FSL3024", param.type?.span ?? param.span, { what }, { help });
  return false;
}

function checkClassify(
  decl: ast.EntryDecl,
  { hasSupport, hasQuery }: { readonly hasSupport: boolean; readonly hasQuery: boolean },
  { checker }: Scope,
): boolean {
  if (!hasSupport || !hasQuery) {
    const lacks = !hasSupport
      ? "supports (`support: vector [way, shot]`) or descriptions (`about: tag [way]`)"
      : "a query (`query: vector`)";
    checker.report("FSL3024", decl.name.span, { what: `\`classify\` takes no ${lacks}` });
    return false;
  }
  const single = decl.params.find((param) => param.type !== undefined && (param.type.axes ?? []).length === 0);
  if (!decl.transductive || single === undefined || single.name.text === "encoder") return true;
  const what = `\`classify\` says \`transductive\`, and \`${single.name.text}\` is one query`;
  const help = ["drop `transductive`, or take them all: `queries: vector [n]`"];
  checker.report("FSL3023", single.span, { what }, { help });
  return false;
}
