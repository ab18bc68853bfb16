/** Reads the arguments of a layer. Each is a static value, an axis or a word. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Scope } from "../core/scope.js";
import { describe } from "../core/values.js";
import { hasUnknownName, matchArguments } from "../expressions/arguments.js";
import { evaluate } from "../expressions/evaluate.js";

/** The values that a layer's argument may have. An argument without `fallback` and `optional` must be given. */
export type LayerParam =
  | { readonly kind: "count"; readonly least: number; readonly fallback?: number; readonly optional?: boolean }
  | { readonly kind: "real"; readonly least: number; readonly below?: number; readonly fallback?: number }
  | { readonly kind: "bool"; readonly fallback: boolean }
  | { readonly kind: "word"; readonly words: readonly string[]; readonly fallback: string }
  /** An axis by name; if `sized`, a size may be given in its place. */
  | { readonly kind: "axis"; readonly sized: boolean; readonly optional: boolean };

export interface AxisArgument {
  /** The name, or undefined if a plain size was given. */
  readonly name: string | undefined;
  readonly size: number | undefined;
}

export class LayerArguments {
  private readonly values = new Map<string, number | boolean | string | AxisArgument>();
  private hasErrors = false;

  /** Reads the arguments. Reports FSL2013 if one is missing, FSL4005 if one has another kind of value. */
  constructor(
    readonly layer: string,
    params: Readonly<Record<string, LayerParam>>,
    args: readonly ast.Argument[],
    span: ast.Span,
    readonly scope: Scope,
  ) {
    const unnamed = args.filter((arg) => arg.name === undefined);
    const third = unnamed[mostUnnamed];
    const names = Object.keys(params);
    if (third !== undefined && unnamed.length <= names.length) {
      this.hasErrors = true;
      const written = unnamed
        .slice(mostUnnamed)
        .map((arg, i) => ({ name: names[mostUnnamed + i] ?? "", value: arg.value }));
      scope.checker.report(
        "FSL4011",
        third.span,
        { layer },
        { help: [byName(layer, args, written), `\`${layer}\` takes ${usage(params)}`] },
      );
    }
    const given = matchArguments(names, args, `\`${layer}\``, scope);
    for (const [name, param] of Object.entries(params)) {
      const expr = given.get(name);
      if (expr !== undefined) this.read(name, param, expr);
      else if (!("optional" in param && param.optional) && !("fallback" in param)) {
        this.hasErrors = true;
        if (!hasUnknownName(names, args))
          scope.checker.report("FSL2013", span, { name }, { help: [`\`${layer}\` takes ${usage(params)}`] });
      } else if ("fallback" in param && param.fallback !== undefined) this.values.set(name, param.fallback);
    }
  }

  /** Returns false after an error has been reported; the values are then incomplete. */
  get valid(): boolean {
    return !this.hasErrors;
  }

  number(name: string): number {
    return this.values.get(name) as number;
  }
  /** Returns whether the argument was written or has a default. */
  given(name: string): boolean {
    return this.values.has(name);
  }
  numberOr(name: string, otherwise: number): number {
    return this.given(name) ? this.number(name) : otherwise;
  }
  bool(name: string): boolean {
    return this.values.get(name) as boolean;
  }
  word(name: string): string {
    return this.values.get(name) as string;
  }
  axis(name: string): AxisArgument | undefined {
    return this.values.get(name) as AxisArgument | undefined;
  }

  private read(name: string, param: LayerParam, expr: ast.Expr): void {
    if (param.kind === "word") {
      this.readWord(name, param.words, expr);
      return;
    }
    if (param.kind === "axis" && expr.kind === "ref" && this.scope.lookup(expr.text)?.kind !== "int") {
      this.values.set(name, { name: expr.text, size: undefined });
      return;
    }
    const value = evaluate(expr, this.scope);
    if (value.kind === "anything") {
      this.hasErrors = true;
      return;
    }
    const refuse = (expected: string): void => this.refuse(name, expected, describe(value), expr);
    switch (param.kind) {
      case "bool":
        if (value.kind === "bool") this.values.set(name, value.value);
        else refuse("true or false");
        return;
      case "axis":
        if (value.kind === "int" && value.value >= 1 && param.sized)
          this.values.set(name, { name: undefined, size: value.value });
        else refuse(param.sized ? "an axis or a size of at least 1" : "an axis");
        return;
      case "count":
        if (value.kind === "int" && value.value >= param.least) this.values.set(name, value.value);
        else refuse(`a whole number of at least ${param.least}`);
        return;
      case "real": {
        const number = value.kind === "int" || value.kind === "real" ? value.value : Number.NaN;
        if (number >= param.least && !(param.below !== undefined && number >= param.below))
          this.values.set(name, number);
        else {
          const range =
            param.below === undefined ? `at least ${param.least}` : `from ${param.least} to below ${param.below}`;
          refuse(`a number ${range}`);
        }
      }
    }
  }

  /** Returns the word that is written, or the choice of a parameter with that name. */
  private wordOf(expr: ast.Expr): string | undefined {
    if (expr.kind !== "ref") return undefined;
    const bound = this.scope.lookup(expr.text);
    return bound?.kind === "choice" ? bound.value : expr.text;
  }

  private readWord(name: string, words: readonly string[], expr: ast.Expr): void {
    const word = this.wordOf(expr);
    if (word !== undefined && words.includes(word)) {
      this.values.set(name, word);
      return;
    }
    const expected = `one of ${words.map((each) => `\`${each}\``).join(", ")}`;
    const help = word === undefined ? [] : suggest(word, words);
    this.refuse(name, expected, word ?? "something else", expr, help);
  }

  private refuse(name: string, expected: string, found: string, expr: ast.Expr, help: readonly string[] = []): void {
    this.hasErrors = true;
    this.scope.checker.report("FSL4005", expr.span, { name, layer: this.layer, expected, found }, { help });
  }
}

/** The number of arguments that a layer takes by their order. More would be read in another order by many. */
const mostUnnamed = 2;

/** Returns the help that names arguments which were given by their order. */
function byName(
  layer: string,
  args: readonly ast.Argument[],
  unnamed: readonly { readonly name: string; readonly value: ast.Expr }[],
): string {
  const written = unnamed.map(({ name, value }) => `${name}: ${value.kind === "number" ? value.value : "…"}`);
  const first = args.slice(0, mostUnnamed).map(({ value }) => (value.kind === "number" ? `${value.value}` : "…"));
  return `write \`${layer}(${[...first, ...written].join(", ")})\``;
}

/** Returns the arguments of a layer with their defaults: `size, pad: 0`. */
function usage(params: Readonly<Record<string, LayerParam>>): string {
  return Object.entries(params)
    .map(([name, param]) => ("fallback" in param ? `${name}: ${param.fallback}` : name))
    .join(", ");
}
