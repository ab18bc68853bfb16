/**
 * The formatter: it prints a syntax tree in the one style. Parsing its output gives the same tree. With the trivia that `parse`
 * returns it also keeps comments, single empty lines, and the lines on which layers stand together.
 */
import type * as ast from "./ast.js";
import type { Trivia } from "./issue.js";
import { type Doc, group, hard, indent, join, layout, line } from "./print/doc.js";
import { axesText, ExpressionPrinter, integerText, realText } from "./print/expressions.js";
import { body, Comments, type Item, lines } from "./print/lines.js";
import { stageLine } from "./print/stages.js";

const width = 100;

export function print(
  tree: ast.SourceFile,
  trivia: Trivia = { comments: [], blanks: new Set(), breaks: new Set() },
): string {
  return layout(new FilePrinter(trivia).file(tree), width);
}

const versionText = (version: number): string => (Number.isInteger(version) ? integerText(version) : realText(version));

class FilePrinter {
  private readonly comments: Comments;
  private readonly e: ExpressionPrinter;

  constructor(trivia: Trivia) {
    this.comments = new Comments(trivia);
    this.e = new ExpressionPrinter(this.comments);
  }

  file(tree: ast.SourceFile): Doc {
    const items: Item[] = [...tree.imports, ...tree.sweeps, ...tree.declarations]
      .sort((a, b) => a.span.start - b.span.start)
      .map((item) => ({ span: item.span, print: () => this.item(item) }));
    const { version } = tree;
    const first =
      version === undefined
        ? []
        : [{ span: tree.versionSpan ?? atStart(tree), print: () => `fsl ${versionText(version)}` }];
    const printed = lines([...first, ...items], Number.POSITIVE_INFINITY, this.comments);
    return printed.length === 0 ? "" : [printed, hard];
  }

  private item(item: ast.Import | ast.SweepLine | ast.Declaration): Doc {
    const { e } = this;
    switch (item.kind) {
      case "import":
        return this.importLine(item);
      case "param":
        return ["param ", this.parameter(item)];
      case "sweep": {
        const values = item.values.map((value) => e.expr(value));
        return group(`sweep ${item.name.text} = `, indent(join(values, [",", line])));
      }
      case "dataset":
        return this.dataset(item);
      case "backbone":
        return [
          `backbone ${item.name.text}`,
          this.parameters(item.params),
          item.value !== undefined ? [" = ", e.expr(item.value)] : [" ", e.layers(item.layers ?? [], item.span.end)],
        ];
      case "block":
        return [
          `block ${item.name.text}`,
          this.parameters(item.params.length > 0 || item.formula !== undefined ? item.params : undefined),
          item.formula === undefined ? [" ", e.layers(item.layers, item.span.end)] : this.formula(item.formula),
        ];
      case "episode":
        return [
          `episode ${item.name.text}`,
          this.parameters(item.params.length > 0 ? item.params : undefined),
          " = ",
          join(
            item.parts.map((part) => (part.kind === "allPart" ? `all ${part.unit.text}` : e.expr(part))),
            ", ",
          ),
        ];
      case "fn":
        return this.fn(item);
      case "metric":
        return this.metric(item);
      case "stage":
        return [
          `${item.stage} ${item.name.text}`,
          item.like !== undefined ? ` like ${item.like.text}` : "",
          " ",
          body(this.stageLines(item), item.span.end, this.comments),
        ];
    }
  }

  private importLine({ names, from, with: args }: ast.Import): Doc {
    const written = names.map(({ name, as }) => (as !== undefined ? `${name.text} as ${as.text}` : name.text));
    return [
      group("import {", indent(line, join(written, [",", line])), line, "} from "),
      this.e.expr(from),
      args.length > 0 ? [" with ", this.e.plainArgs(args)] : "",
    ];
  }

  private dataset({ name, params, value, lines: datasetLines, span }: ast.DatasetDecl): Doc {
    const { e } = this;
    const items = datasetLines.map((l) => ({
      span: l.span,
      print: () =>
        group(
          `${l.word.text} `,
          indent(
            join(
              l.values.map((each) => e.expr(each)),
              [",", line],
            ),
          ),
          l.from !== undefined ? [" from ", e.expr(l.from)] : "",
        ),
    }));
    return [
      `dataset ${name.text}`,
      this.parameters(params),
      value !== undefined ? [" = ", e.expr(value)] : "",
      items.length > 0 || value === undefined ? [" ", body(items, span.end, this.comments)] : "",
    ];
  }

  private stageLines(stage: ast.StageDecl): Item[] {
    return stage.lines.map((l) => ({
      span: l.span,
      print: () =>
        stageLine(
          l,
          this.e,
          this.comments,
          (params) => this.parameters(params),
          (learn) => this.learn(learn),
        ),
    }));
  }

  private parameter(p: Pick<ast.Parameter, "name" | "type" | "value">): Doc {
    return [
      p.name.text,
      p.type !== undefined ? [": ", this.type(p.type)] : "",
      p.value !== undefined ? [" = ", this.e.expr(p.value)] : "",
    ];
  }
  private parameters(params: readonly ast.Parameter[] | undefined): Doc {
    if (params === undefined) return "";
    return this.e.bracketed(
      "(",
      params.map((p) => this.parameter(p)),
      ")",
    );
  }
  private type(type: ast.TypeExpr): Doc {
    if (type.fn !== undefined) {
      const axes = type.fn.axes.length > 0 ? ` over ${axesText(type.fn.axes)}` : "";
      return `fn(${type.fn.params.map((p) => p.text).join(", ")}${axes})`;
    }
    if (type.choices !== undefined) return `one_of(${type.choices.map((choice) => choice.text).join(", ")})`;
    return type.axes !== undefined ? `${type.name.text} [${axesText(type.axes)}]` : type.name.text;
  }

  private fn(fn: ast.FnDecl): Doc {
    const axes = fn.axes.length > 0 ? `${fn.params.length > 0 ? " " : ""}over ${axesText(fn.axes)}` : "";
    const params = join(
      fn.params.map((p) => this.parameter(p)),
      ", ",
    );
    return [`fn ${fn.name.text}(`, params, axes, ") ", this.e.block(fn.body)];
  }

  private metric(metric: ast.MetricDecl): Doc {
    const { e } = this;
    const items: Item[] = [
      ...metric.learns.map((learn) => ({ span: learn.span, print: () => this.learn(learn) })),
      ...metric.fits.map((fit) => ({
        span: fit.span,
        print: () => [
          "fit ",
          join(
            fit.values.map((value) => this.fitted(value)),
            ", ",
          ),
          " from ",
          join(
            fit.from.map((from) => this.parameter(from)),
            ", ",
          ),
          " ",
          e.block(fit.body),
        ],
      })),
      ...metric.fns.map((fn) => ({ span: fn.span, print: () => this.fn(fn) })),
      ...metric.entries.map((entry) => ({ span: entry.span, print: () => this.entry(entry) })),
    ].sort((a, b) => a.span.start - b.span.start);
    const params = this.parameters(metric.params.length > 0 ? metric.params : undefined);
    return [`metric ${metric.name.text}`, params, " ", body(items, metric.span.end, this.comments)];
  }

  private fitted({ name, type, axes }: ast.FittedName): Doc {
    if (type !== undefined) return [`${name.text}: `, this.type(type)];
    return axes === undefined ? name.text : `${name.text} [${axesText(axes)}]`;
  }

  private formula({ input, learns, body }: ast.Formula): Doc {
    const lines = learns.map((learn) => ({ span: learn.span, print: () => this.learn(learn) }));
    return [this.parameters([input]), " ", this.e.block(body, false, lines)];
  }

  private learn(learn: ast.LearnDecl): Doc {
    return [
      learn.fixed ? "fixed " : "learn ",
      learn.names.map((name) => name.text).join(", "),
      learn.axes !== undefined ? [" [", this.e.sizedAxes(learn.axes), "]"] : "",
      learn.like.map((like, i) => [i === 0 ? " like " : ", ", this.e.expr(like)]),
      " = ",
      this.e.expr(learn.value),
      learn.positive ? " positive" : "",
    ];
  }

  private entry(entry: ast.EntryDecl): Doc {
    const assumes = entry.assumes.length > 0 ? `, assumes ${entry.assumes.map((a) => a.text).join(", ")}` : "";
    return [
      entry.name.text,
      this.parameters(entry.params),
      entry.random ? " random" : "",
      entry.transductive ? ` transductive${assumes}` : "",
      " -> ",
      this.type(entry.result),
      " ",
      this.e.block(entry.body, false),
    ];
  }
}

function atStart(tree: ast.SourceFile): ast.Span {
  return { ...tree.span, end: tree.span.start };
}
