/** Builds imports, sweeps and declarations other than stages. */
import type { CstNode } from "chevrotain";
import type * as ast from "../ast.js";
import * as t from "../tokens.js";
import { buildBlock, noteColon } from "./blocks.js";
import { type Builder, covering, keyword, node, nodes, token, tokens } from "./cst.js";
import { buildArgs, buildExpression, buildText, errorAt, noteMissingCommas } from "./expressions.js";
import { buildLayers } from "./layers.js";
import { buildFormula, buildLearns } from "./learns.js";
import { buildParameter, buildParameters, buildType, buildValues } from "./parameters.js";
import { buildStage } from "./stages.js";

export function buildImport(b: Builder, cst: CstNode): ast.Import {
  const span = b.span(cst, 0);
  const from = token(cst, t.Text.name);
  const args = node(cst, "args");
  const names = nodes(cst, "importName").flatMap((item) => {
    const name = token(item, "name");
    return name !== undefined
      ? [{ name: b.name(name), as: b.optionalName(token(item, "alias")), span: b.span(item, 0) }]
      : [];
  });
  noteMissingCommas(b, names, tokens(cst, t.Comma.name));
  return {
    kind: "import",
    names: names.map(({ name, as }) => ({ name, as })),
    from: from !== undefined ? buildText(b, from) : { kind: "text", value: "", span: b.at(span.end) },
    with: args !== undefined ? buildArgs(b, args).args : [],
    span,
  };
}

export function buildSweep(b: Builder, cst: CstNode): ast.SweepLine {
  const span = b.span(cst, 0);
  noteColon(b, cst);
  return {
    kind: "sweep",
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    values: buildValues(b, node(cst, "values")),
    span,
  };
}

/** Builds a declaration, or returns undefined if recovery left nothing to build. */
export function buildDeclaration(b: Builder, cst: CstNode): ast.Declaration | undefined {
  const param = node(cst, "param");
  if (param !== undefined) return buildParam(b, param);
  const dataset = node(cst, "dataset");
  if (dataset !== undefined) return buildDataset(b, dataset);
  const backbone = node(cst, "backbone");
  if (backbone !== undefined) return buildBackbone(b, backbone);
  const block = node(cst, "blockLayer");
  if (block !== undefined) {
    const span = b.span(block, 0);
    return {
      kind: "block",
      name: b.nameAt(token(block, t.Identifier.name), span.end),
      params: buildParameters(b, node(block, "parameters")) ?? [],
      layers: buildLayers(b, node(block, "layers")),
      formula: buildFormula(b, node(block, "formula")),
      span,
    };
  }
  const episode = node(cst, "episode");
  if (episode !== undefined) {
    const span = b.span(episode, 0);
    noteColon(b, episode);
    return {
      kind: "episode",
      name: b.nameAt(token(episode, t.Identifier.name), span.end),
      params: buildParameters(b, node(episode, "parameters")) ?? [],
      parts: nodes(episode, "episodePart").map((part) => buildEpisodePart(b, part)),
      span,
    };
  }
  const metric = node(cst, "metric");
  if (metric !== undefined) return buildMetric(b, metric);
  const fn = node(cst, "fn");
  if (fn !== undefined) return buildFn(b, fn);
  const stage = node(cst, "stage");
  return stage && buildStage(b, stage);
}

function buildParam(b: Builder, cst: CstNode): ast.ParamDecl {
  const span = b.span(cst, 0);
  const parameter = node(cst, "parameter");
  if (parameter === undefined) {
    return { kind: "param", name: b.nameAt(undefined, span.end), type: undefined, value: errorAt(b, span.end), span };
  }
  const { name, type, value } = buildParameter(b, parameter);
  return { kind: "param", name, type, value, span };
}

function buildDataset(b: Builder, cst: CstNode): ast.DatasetDecl {
  const span = b.span(cst, 0);
  noteColon(b, cst);
  const value = node(cst, "expression");
  return {
    kind: "dataset",
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    params: buildParameters(b, node(cst, "parameters")),
    value: value && buildExpression(b, value, span.end),
    lines: buildDatasetLines(b, cst, span),
    span,
  };
}

const datasetWords: ReadonlySet<string> = new Set([
  "source",
  "train",
  "eval",
  "unreadable",
  "classes",
  "describe",
  "hold",
]);

/** Builds the lines of a dataset. A word after the values of a line that begins no other line means that a comma was left out. */
function buildDatasetLines(b: Builder, cst: CstNode, within: ast.Span): ast.DatasetLine[] {
  const lines: ast.DatasetLine[] = [];
  let endLine: number | undefined;
  for (const line of nodes(cst, "datasetLine")) {
    const span = b.span(line, within.end);
    const word = token(line, t.Identifier.name);
    const before = lines.at(-1);
    if (before !== undefined && word !== undefined && word.startLine === endLine && !datasetWords.has(word.image)) {
      b.note("missing-comma", b.at(before.span.end), "", "`,`");
    } else {
      lines.push(buildDatasetLine(b, line, span));
    }
    endLine = line.location?.endLine;
  }
  return lines;
}

function buildDatasetLine(b: Builder, line: CstNode, span: ast.Span): ast.DatasetLine {
  const end = node(line, "expression");
  const last = end && buildExpression(b, end, span.end);
  const hold = keyword(line, t.words.hold);
  const out = keyword(line, t.words.out);
  if (hold !== undefined && out !== undefined) {
    const word: ast.Name = { kind: "name", text: "hold out", span: covering(b.spanOf(hold), b.spanOf(out)) };
    return { kind: "datasetLine", word, values: last === undefined ? [] : [last], from: undefined, span };
  }
  const word = b.nameAt(token(line, t.Identifier.name), span.start);
  return { kind: "datasetLine", word, values: buildValues(b, node(line, "values")), from: last, span };
}

function buildEpisodePart(b: Builder, cst: CstNode): ast.Expr | ast.AllPart {
  const span = b.span(cst, 0);
  const value = buildExpression(b, node(cst, "expression"), span.end);
  if (keyword(cst, t.words.all) === undefined) return value;
  const text = value.kind === "ref" ? value.text : "";
  return { kind: "allPart", unit: { kind: "name", text, span: value.span }, span };
}

function buildBackbone(b: Builder, cst: CstNode): ast.BackboneDecl {
  const span = b.span(cst, 0);
  noteColon(b, cst);
  const value = node(cst, "expression");
  const layers = node(cst, "layers");
  return {
    kind: "backbone",
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    params: buildParameters(b, node(cst, "parameters")),
    // A backbone has a value or layers. After a syntax error it gets a value that fits everywhere.
    value:
      value !== undefined
        ? buildExpression(b, value, span.end)
        : layers !== undefined
          ? undefined
          : errorAt(b, span.end),
    layers: layers && buildLayers(b, layers),
    span,
  };
}

function buildFn(b: Builder, cst: CstNode): ast.FnDecl {
  const span = b.span(cst, 0);
  const head = node(cst, "fnHead");
  const params = nodes(head, "parameter").map((parameter) => buildParameter(b, parameter));
  noteMissingCommas(b, params, tokens(head, t.Comma.name));
  return {
    kind: "fn",
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    params,
    axes: b.axes(head),
    body: buildBlock(b, node(cst, "block"), span.end),
    span,
  };
}

function buildMetric(b: Builder, cst: CstNode): ast.MetricDecl {
  const span = b.span(cst, 0);
  return {
    kind: "metric",
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    params: buildParameters(b, node(cst, "parameters")) ?? [],
    learns: nodes(cst, "learn").flatMap((learn) => buildLearns(b, learn)),
    fits: nodes(cst, "fit").map((fit) => buildFit(b, fit)),
    fns: nodes(cst, "fn").map((fn) => buildFn(b, fn)),
    entries: nodes(cst, "entry").map((entry) => buildEntry(b, entry)),
    span,
  };
}

function buildFit(b: Builder, cst: CstNode): ast.FitDecl {
  const span = b.span(cst, 0);
  return {
    kind: "fit",
    values: nodes(cst, "fitted").map((fitted) => buildFitted(b, fitted)),
    from: nodes(cst, "parameter").map((from) => buildParameter(b, from)),
    body: buildBlock(b, node(cst, "block"), span.end),
    span,
  };
}

function buildFitted(b: Builder, cst: CstNode): ast.FittedName {
  const span = b.span(cst, 0);
  const type = node(cst, "type");
  return {
    name: b.nameAt(token(cst, t.Identifier.name), span.end),
    type: type && buildType(b, type),
    axes: token(cst, t.LBracket.name) !== undefined ? b.axes(cst) : undefined,
    span,
  };
}

function buildEntry(b: Builder, cst: CstNode): ast.EntryDecl {
  const span = b.span(cst, 0);
  const type = node(cst, "type");
  const missing = { kind: "name" as const, text: "", span: b.at(span.end) };
  return {
    kind: "entry",
    name: b.nameAt(token(cst, t.Identifier.name), span.start),
    params: buildParameters(b, node(cst, "parameters")) ?? [],
    random: keyword(cst, t.words.random) !== undefined,
    transductive: keyword(cst, t.words.transductive) !== undefined,
    assumes: tokens(cst, "assumed").map((found) => b.name(found)),
    result:
      type !== undefined
        ? buildType(b, type)
        : { kind: "type", name: missing, axes: undefined, choices: undefined, fn: undefined, span: missing.span },
    body: buildBlock(b, node(cst, "block"), span.end),
    span,
  };
}
