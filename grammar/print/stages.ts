/** Prints the lines of stages as documents. */
import type * as ast from "../ast.js";
import { type Doc, group, indent, join, line } from "./doc.js";
import type { ExpressionPrinter } from "./expressions.js";
import { body, type Comments } from "./lines.js";

export function stageLine(
  l: ast.StageLine,
  e: ExpressionPrinter,
  comments: Comments,
  parameters: (params: readonly ast.Parameter[]) => Doc,
  learn: (line: ast.LearnDecl) => Doc,
): Doc {
  switch (l.kind) {
    case "slot": {
      const words = `${l.slot}${l.frozen ? " frozen" : ""}${l.untrained ? " untrained" : ""} `;
      return [words, e.expr(l.value)];
    }
    case "of":
      return `of ${l.stage.text}`;
    case "data":
      return ["data ", e.expr(l.split)];
    case "episodes":
      return [
        "episodes ",
        e.expr(l.task),
        " from ",
        e.expr(l.split),
        l.count !== undefined ? [", ", e.expr(l.count)] : "",
      ];
    case "optimizer":
      return ["optimizer ", e.expr(l.value), e.groups(l.groups, l.span.end)];
    case "schedule":
      return ["schedule ", e.expr(l.value)];
    case "for":
      return [
        "for ",
        e.expr(l.total),
        l.of !== undefined ? [" of ", e.expr(l.of)] : "",
        l.perStep !== undefined ? [", ", e.expr(l.perStep), " per step"] : "",
        l.parts !== undefined ? [", ", e.expr(l.parts), " per step"] : "",
        l.dropLast ? ", drop last" : "",
      ];
    case "validate":
      return [
        "validate ",
        e.expr(l.task),
        " from ",
        e.expr(l.split),
        l.count !== undefined ? [", ", e.expr(l.count)] : "",
        l.every !== undefined ? [", every ", every(l.every, e)] : "",
        l.keepBest ? ", keep best" : "",
      ];
    case "report":
      return ["report ", listed(l.items.map((item) => reportItem(item, e)))];
    case "loss": {
      if (l.params !== undefined) return ["loss", parameters(l.params), " ", e.block(l.body, false)];
      return ["loss ", l.body.result !== undefined ? e.expr(l.body.result) : ""];
    }
    case "learn":
      return learn(l);
    case "fitFrom":
      return ["fit from ", e.expr(l.split)];
    case "init": {
      const rules = l.rules.map((rule) => ({ span: rule.span, print: () => weightRule(rule, e) }));
      return [
        `init ${l.slot === undefined ? "" : `${l.slot.text} `}from `,
        e.expr(l.file),
        rules.length > 0 ? [" ", body(rules, l.span.end, comments)] : "",
      ];
    }
    case "setting":
      return [l.word.text, l.values.length > 0 ? [" ", values(l.values, e)] : ""];
  }
}

function values(items: readonly ast.Expr[], e: ExpressionPrinter): Doc {
  return listed(items.map((item) => e.expr(item)));
}

function listed(items: readonly Doc[]): Doc {
  return group(indent(join(items, [",", line])));
}

function reportItem(item: ast.ReportItem, e: ExpressionPrinter): Doc {
  return item.every === undefined ? e.expr(item.value) : [e.expr(item.value), " every ", every(item.every, e)];
}

function every(value: ast.Expr, e: ExpressionPrinter): Doc {
  const one =
    value.kind === "number" && value.value === 1 && value.integer && value.unit !== undefined
      ? value.unit.text
      : undefined;
  return one ?? e.expr(value);
}

function weightRule({ from, to }: ast.WeightRule, e: ExpressionPrinter): Doc {
  return [e.expr(from), " -> ", to.kind === "name" ? to.text : e.expr(to)];
}
