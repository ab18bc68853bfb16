/** Builds stages and their lines. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { buildBlock } from "./blocks.js";
import { type Builder, type Cst, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildExpression, buildText } from "./expressions.js";
import { buildGroups } from "./groups.js";
import { buildLearns } from "./learns.js";
import { buildParameters, buildValues } from "./parameters.js";
import { noteRepeats } from "./repeats.js";

export function buildStage(b: Builder, cst: CstNode): ast.StageDecl | undefined {
  const span = b.span(cst, 0);
  const word = token(cst, "word")?.image;
  if (!t.isStageKind(word)) return undefined;
  return {
    kind: "stage",
    stage: word,
    name: b.nameAt(token(cst, "name"), span.end),
    like: b.optionalName(token(cst, "like")),
    lines: nodes(cst, "stageLine").flatMap((line) => buildLine(b, line)),
    unread: nodes(cst, "stageLine").flatMap((line) => {
      const setting = node(line, "setting");
      const first = isUnread(setting) ? token(setting, t.Identifier.name) : undefined;
      return first === undefined ? [] : [b.name(first)];
    }),
    span,
  };
}

function buildLine(b: Builder, cst: CstNode): readonly ast.StageLine[] {
  const learn = node(cst, "learn");
  if (learn !== undefined) return buildLearns(b, learn);
  for (const [rule, build] of Object.entries(builders)) {
    const line = node(cst, rule);
    const built = line && build(b, line, b.span(line, 0));
    if (built !== undefined) return [built];
  }
  return [];
}

const hasParts = (count: ast.Expr | undefined): boolean =>
  count?.kind === "number" && (count.unit?.text === "parts" || count.unit?.text === "part");

const builders: Readonly<Record<string, (b: Builder, cst: CstNode, span: ast.Span) => ast.StageLine | undefined>> = {
  slot: (b, cst, span) => {
    const slot = token(cst, "word")?.image;
    if (slot !== "encoder" && slot !== "head" && slot !== "metric") return undefined;
    for (const modifier of [t.words.frozen, t.words.untrained]) noteRepeats(b, tokens(cst, modifier.name));
    return {
      kind: "slot",
      slot,
      frozen: keyword(cst, t.words.frozen) !== undefined,
      untrained: keyword(cst, t.words.untrained) !== undefined,
      value: buildExpression(b, node(cst, "expression"), span.end),
      span,
    };
  },
  of: (b, cst, span) => ({ kind: "of", stage: b.nameAt(token(cst, t.Identifier.name), span.end), span }),
  data: (b, cst, span) => ({ kind: "data", split: buildExpression(b, node(cst, "expression"), span.end), span }),
  episodes: (b, cst, span) => {
    const count = node(cst, "count");
    return {
      kind: "episodes",
      task: buildExpression(b, node(cst, "task"), span.end),
      split: buildExpression(b, node(cst, "split"), span.end),
      count: count && buildExpression(b, count, span.end),
      span,
    };
  },
  optimizer: (b, cst, span) => ({
    kind: "optimizer",
    value: buildExpression(b, node(cst, "expression"), span.end),
    groups: buildGroups(b, cst),
    span,
  }),
  schedule: (b, cst, span) => ({
    kind: "schedule",
    value: buildExpression(b, node(cst, "expression"), span.end),
    span,
  }),
  for: (b, cst, span) => {
    const of = node(cst, "of");
    const parts = nodes(cst, "forPart");
    const drops = parts.filter((part) => keyword(part, t.words.drop) !== undefined);
    const counts = parts.flatMap((part) => node(part, "expression") ?? []);
    noteRepeats(b, drops);
    noteRepeats(b, counts, 2);
    const [first, second] = counts.map((count) => buildExpression(b, count, span.end));
    // Two counts of parts stay in their order, so that the mistake is reported where it stands.
    const isParts = hasParts(first) && !hasParts(second);
    return {
      kind: "for",
      total: buildExpression(b, node(cst, "total"), span.end),
      of: of && buildExpression(b, of, span.end),
      perStep: isParts ? second : first,
      parts: isParts ? first : second,
      dropLast: drops.length > 0,
      span,
    };
  },
  validate: (b, cst, span) => {
    const parts = nodes(cst, "validatePart");
    const counts = parts.flatMap((part) => node(part, "count") ?? []);
    const every = parts.filter((part) => node(part, "every") !== undefined);
    const keeps = parts.filter((part) => keyword(part, t.words.keep) !== undefined);
    for (const same of [counts, every, keeps]) noteRepeats(b, same);
    const [count] = counts;
    const [interval] = every;
    return {
      kind: "validate",
      task: buildExpression(b, node(cst, "task"), span.end),
      split: buildExpression(b, node(cst, "split"), span.end),
      count: count && buildExpression(b, count, span.end),
      every: interval && buildEvery(b, interval, span),
      keepBest: keeps.length > 0,
      span,
    };
  },
  report: (b, cst, span) => ({
    kind: "report",
    items: nodes(cst, "reportItem").map((item): ast.ReportItem => {
      const at = b.span(item, span.end);
      const every = node(item, "every") && buildEvery(b, item, at);
      return { value: buildExpression(b, node(item, "expression"), at.start), every, span: at };
    }),
    span,
  }),
  loss: (b, cst, span) => {
    const expression = node(cst, "expression");
    if (expression !== undefined) {
      const result = buildExpression(b, expression, span.end);
      return {
        kind: "loss",
        params: undefined,
        body: { kind: "statementBlock", statements: [], result, span: result.span },
        span,
      };
    }
    return {
      kind: "loss",
      params: buildParameters(b, node(cst, "parameters")),
      body: buildBlock(b, node(cst, "block"), span.end),
      span,
    };
  },
  fitFrom: (b, cst, span) => ({ kind: "fitFrom", split: buildExpression(b, node(cst, "expression"), span.end), span }),
  init: (b, cst, span) => ({
    kind: "init",
    slot: b.optionalName(token(cst, "slot")),
    file: buildExpression(b, node(cst, "expression"), span.end),
    rules: nodes(cst, "weightRule").flatMap((rule): ast.WeightRule[] => {
      const from = token(rule, "from");
      const to = token(rule, "to");
      const unused = token(rule, "unused");
      if (from === undefined || (to === undefined && unused === undefined)) return [];
      const target = to === undefined ? b.nameAt(unused, span.end) : buildText(b, to);
      return [{ kind: "weightRule", from: buildText(b, from), to: target, span: b.span(rule, span.start) }];
    }),
    span,
  }),
  setting: (b, cst, span) => {
    const word = token(cst, t.Identifier.name);
    if (word === undefined) return undefined;
    if (isUnread(cst)) {
      b.note("unknown-line", b.spanOf(word), word.image, "");
      return undefined;
    }
    return { kind: "setting", word: b.name(word), values: buildValues(b, node(cst, "values")), span };
  },
};

/** Tells whether a line goes on after its values. Such a line is not a setting: its first word is most often misspelled. */
function isUnread(setting: Cst): boolean {
  return nodes(setting, "strayItem").length > 0;
}

/** Builds the value after `every`. `every epoch` means `every 1 epoch`. */
function buildEvery(b: Builder, cst: CstNode, line: ast.Span): ast.Expr {
  const value = buildExpression(b, node(cst, "every"), line.end);
  if (value.kind !== "ref") return value;
  const unit: ast.Name = { kind: "name", text: value.text, span: value.span };
  return { kind: "number", value: 1, integer: true, unit, span: value.span };
}
