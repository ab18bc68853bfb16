/** Binds arguments to parameters: of functions, metrics, backbones, blocks, datasets and episodes. */
import type * as ast from "../../../../grammar/ast.js";
import { suggest } from "../../../common/did-you-mean.js";
import type { Scope } from "../core/scope.js";
import { anything, type Value } from "../core/values.js";
import { evaluate, evaluateWithEach } from "./evaluate.js";
import { coerce, parameterType } from "./parameters.js";

/** Returns the argument for each parameter: by name if it has one, else in order. Reports arguments that match no parameter. */
export function matchArguments(
  names: readonly string[],
  args: readonly ast.Argument[],
  callee: string,
  scope: Scope,
): Map<string, ast.Expr> {
  const { checker } = scope;
  const filled = new Map<string, ast.Expr>();
  let next = 0;
  let excess: ast.Argument | undefined;
  for (const arg of args) {
    const name = arg.name?.text ?? names[next++];
    if (name === undefined) {
      excess ??= arg;
      evaluateWithEach(arg.value, scope);
    } else if (!names.includes(name)) {
      const help = names.length === 0 ? ["it has no parameters"] : suggest(name, names);
      checker.report("FSL2014", arg.name?.span ?? arg.span, { callee, name }, { help });
      evaluateWithEach(arg.value, scope);
    } else if (filled.has(name)) {
      const first = filled.get(name);
      checker.report(
        "FSL2016",
        arg.span,
        { name },
        {
          labels: first === undefined ? [] : [{ span: first.span, text: "given here first" }],
        },
      );
    } else filled.set(name, arg.value);
  }
  if (excess !== undefined) {
    const takes = names.length === 0 ? "no arguments" : `${names.length} argument${names.length === 1 ? "" : "s"}`;
    checker.report("FSL2015", excess.span, { callee, expected: takes, found: countGiven(args.length) });
  }
  return filled;
}

/** Tells whether a named argument matches no parameter. It was probably meant for one, so a missing one is not reported too. */
export function hasUnknownName(names: readonly string[], args: readonly ast.Argument[]): boolean {
  return args.some(({ name }) => name !== undefined && !names.includes(name.text));
}

/** Returns "1 is" or "3 are": the number of arguments in a message, with its verb. */
export function countGiven(count: number): string {
  return count === 1 ? "1 is" : `${count} are`;
}

/**
 * Binds arguments and defaults into `into`, a child of the declaration's scope. Arguments are evaluated in `from`.
 * If `typed`, each value must have the type of its parameter; parameters of functions take any value. Returns false, with
 * nothing bound, if the compilation already inlines too many calls.
 */
export function bindArguments(
  params: readonly ast.Parameter[],
  args: readonly ast.Argument[],
  into: Scope,
  from: Scope,
  call: { readonly callee: string; readonly span: ast.Span; readonly typed: boolean; readonly each?: boolean },
): boolean {
  const { checker } = from;
  if (checker.countInlinedCall(call.callee, call.span)) return false;
  const names = params.map((param) => param.name.text);
  const given = matchArguments(names, args, call.callee, from);
  for (const param of params) {
    const name = param.name.text;
    for (const choice of param.type?.choices ?? []) {
      if (into.lookup(choice.text) === undefined) {
        into.define(choice.text, { kind: "choice", value: choice.text, span: choice.span });
      }
    }
    const expr = given.get(name);
    let value: Value;
    if (expr !== undefined) {
      const choice =
        expr.kind === "ref" ? param.type?.choices?.find((candidate) => candidate.text === expr.text) : undefined;
      const read = call.each === true ? evaluateWithEach : evaluate;
      value = choice === undefined ? read(expr, from) : { kind: "choice", value: choice.text, span: expr.span };
      if (call.typed) {
        const type = parameterType(param, param.type === undefined ? defaultOf(param, into) : undefined, checker);
        value = coerce(value, type, `\`${name}\``, expr.span, checker, param.span);
      }
    } else if (param.value !== undefined) {
      value = defaultOf(param, into) ?? anything(param.value.span);
      if (call.typed)
        value = coerce(value, parameterType(param, value, checker), `\`${name}\``, param.value.span, checker);
    } else {
      if (!hasUnknownName(names, args))
        checker.report("FSL2013", call.span, { name }, { labels: [{ span: param.span, text: "declared here" }] });
      value = anything(call.span);
    }
    into.define(name, value);
  }
  return true;
}

function defaultOf(param: ast.Parameter, scope: Scope): Value | undefined {
  const { value } = param;
  return value === undefined ? undefined : scope.checker.evaluateOnce(param, param.name, () => evaluate(value, scope));
}

/** Returns the scope that holds the parameters of a declaration: its own if arguments are bound there, else one with the defaults. */
export function withDefaults(
  decl: { readonly name: ast.Name; readonly params: readonly ast.Parameter[] | undefined },
  scope: Scope,
  at: ast.Span,
): Scope {
  const params = decl.params ?? [];
  const first = params[0];
  if (first === undefined || scope.hasOwn(first.name.text)) return scope;
  const into = scope.child();
  bindArguments(params, [], into, scope, { callee: `\`${decl.name.text}\``, span: at, typed: true });
  return into;
}
