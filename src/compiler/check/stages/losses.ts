/** The losses of training stages: the default ones, and those of a `loss` line. */
import type * as ast from "../../../../grammar/ast.js";
import { describedAxes } from "../../typed/described.js";
import type { Axis, Block, Borrowed, Dataset, EntryParam, Expr, Learn, Metric, Network } from "../../typed/tree.js";
import { Frame, unprimed } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import type { CallableValue } from "../core/values.js";
import { evaluateBlock } from "../expressions/blocks.js";
import { scalarLoss } from "../expressions/minimize.js";
import { borrowedBy } from "../metrics/borrowed.js";
import { LearnedValues } from "../metrics/learned-values.js";
import { describedType, encoderCallable, isDescription } from "../metrics/parameter-types.js";
import type { ScopedLine } from "./stage-lines.js";

export interface PretrainLossContext {
  readonly encoder: Network;
  readonly head: Network;
  /** The number of images that the loss sees at once. */
  readonly items: number;
  /** The number of views of each image, if the stage takes several. */
  readonly views?: number | undefined;
  readonly classes: number;
  /** The split whose classes the labels are: `birds.train`. */
  readonly labels: string;
  /** The dataset of the split. */
  readonly dataset: Dataset;
  readonly span: ast.Span;
}

function lossFrame(labels?: string, image: readonly Axis[] = []): Frame {
  const none = new Set<string>();
  const options = { place: "loss", generic: false, transductive: true, opaque: none } as const;
  return new Frame({ ...options, draws: true, labels, image }, []);
}

/** Returns the axes of the images of a loss. */
function imageAxes({ items, views }: Pick<PretrainLossContext, "items" | "views">): readonly Axis[] {
  const item: Axis = { name: "item", size: items };
  return views === undefined ? [item] : [{ name: "view", size: views }, item];
}

/** Returns the default loss of a `pretrain` stage: the mean cross-entropy of `head(encoder(x, norm: batch).vector)`. */
export function defaultPretrainLoss(context: PretrainLossContext): Block {
  const { span, encoder, head } = context;
  const item: Axis = { name: "item", size: context.items };
  const images = imageAxes(context);
  const of: Axis = { name: "class", size: context.classes };
  const vector = encoder.outputs["vector"] ?? [];
  const output = Object.keys(head.outputs)[0] ?? "out";
  const x: Expr = { type: { kind: "image", axes: images }, span, k: "param", name: "x" };
  const y: Expr = { type: { kind: "class", axes: [item], of }, span, k: "param", name: "y" };
  const embedded: Expr = {
    type: { kind: "real", axes: [...images, ...vector] },
    span,
    k: "apply",
    target: { kind: "slot", slot: "encoder" },
    x,
    output: "vector",
    norm: "batch",
  };
  const z: Expr = {
    type: { kind: "logits", axes: [...images, of] },
    span,
    k: "apply",
    target: { kind: "slot", slot: "head" },
    x: embedded,
    output,
    norm: "phase",
  };
  const each: Expr = { type: { kind: "real", axes: images }, span, k: "cross_entropy", z, y, from: "logits" };
  return {
    statements: [],
    result: {
      type: { kind: "real", axes: [] },
      span,
      k: "reduce",
      op: "mean",
      x: each,
      over: images.map(({ name }) => name),
    },
  };
}

export interface PretrainLoss {
  readonly block: Block;
  readonly borrows: readonly Borrowed[];
  readonly learns: readonly Learn[];
  /** The parameters that describe the classes. */
  readonly described: readonly EntryParam[];
}

/** Returns `loss(x: image [item], y: class [item]) { … }` with the values that it learns, or undefined after a report. */
export function pretrainLoss(
  line: ast.LossLine,
  context: PretrainLossContext,
  learned: readonly ScopedLine<ast.LearnDecl>[],
  outer: Scope,
): PretrainLoss | undefined {
  if (line.params === undefined) {
    reportLossParameters(line.span, "the loss of a `pretrain` stage takes its images and labels", outer);
    return undefined;
  }
  const frame = lossFrame(context.labels, context.encoder.input);
  const { encoder, classes, dataset } = context;
  const ofClasses = [{ name: "class", size: classes }, ...describedAxes(dataset.descriptions ?? [])];
  frame.giveAxes([...encoder.input, ...imageAxes(context), ...ofClasses]);
  const scope = outer.child(frame);
  scope.define("encoder", encoderCallable(context.encoder, context.span));
  scope.define("head", headCallable(context));
  const learns = learned.map((written) => declareLearned(written, context, scope, frame));
  const described = defineLossParameters(line.params, context, frame, scope);
  if (described === undefined) return undefined;
  const result = lossValue(line, scope);
  if (result === undefined) return undefined;
  const block = { statements: frame.statements, result };
  const borrows = borrowedBy(block, scope, line.span);
  return { block, borrows, learns: learns.flatMap((each) => each.typed()), described };
}

function headCallable({ head, span }: PretrainLossContext): CallableValue {
  return {
    kind: "callable",
    target: { kind: "slot", slot: "head" },
    network: () => head,
    known: () => head,
    gives: "logits",
    norm: "auto",
    span,
  };
}

/**
 * Defines the images and labels that a loss takes, in this order, and then descriptions of the classes, which it returns. Reports
 * FSL5029 for any other parameter.
 */
function defineLossParameters(
  params: readonly ast.Parameter[],
  context: PretrainLossContext,
  frame: Frame,
  scope: Scope,
): readonly EntryParam[] | undefined {
  const { items, views, classes, dataset } = context;
  const described: EntryParam[] = [];
  const expected = [
    { name: "x", kind: "image", over: imageAxes(context), of: undefined },
    { name: "y", kind: "class", over: [{ name: "item", size: items }], of: { name: "class", size: classes } },
  ] as const;
  for (const [at, { name, type, span }] of params.entries()) {
    const wanted = expected[at];
    if (wanted === undefined && type !== undefined && isDescription(type, dataset)) {
      const place = { sizes: new Map([["class", classes]]), classes: { name: "class", size: classes } };
      const descriptions = dataset.descriptions ?? [];
      const resolved = describedType(type, { ...place, descriptions }, scope);
      if (resolved?.description === undefined) return undefined;
      const { form, type: given, description } = resolved;
      described.push({ name: name.text, form, axes: given.axes, description });
      scope.define(name.text, frame.tensor(name.span, given.kind, given.axes, { k: "param", name: name.text }));
      continue;
    }
    const axes = (type?.axes ?? []).map((axis) => axis.text).sort();
    const over = (wanted?.over ?? []).map((axis) => axis.name).sort();
    if (wanted === undefined || type?.name.text !== wanted.kind || axes.join() !== over.join()) {
      const what =
        axes.join() === "item,view" && views === undefined
          ? "without the line `views 2`, an image has one view"
          : "a `pretrain` loss takes images, then their labels";
      reportLossParameters(span, what, scope, views === undefined ? "item" : "view, item");
      return undefined;
    }
    const node = { k: "param", name: wanted.name } as const;
    scope.define(name.text, frame.tensor(name.span, wanted.kind, wanted.over, node, wanted.of));
  }
  return described;
}

function reportLossParameters(span: ast.Span, what: string, { checker }: Scope, over = "item"): void {
  checker.report("FSL5029", span, { what }, { help: [`write \`loss(x: image [${over}], y: class [item]) { … }\``] });
}

/** Returns the value of a loss, or undefined after it has reported that it is no scalar. */
function lossValue({ body }: ast.LossLine, scope: Scope): Expr | undefined {
  const value = evaluateBlock(body, scope);
  return value.kind === "anything" ? undefined : scalarLoss(value, scope, body.result?.span ?? body.span);
}

/** Evaluates a `learn` line in the scope in which it was written, and defines its names in the loss. */
function declareLearned(
  { line, scope: written }: ScopedLine<ast.LearnDecl>,
  context: PretrainLossContext,
  into: Scope,
  loss: Frame,
): LearnedValues {
  // A frame of its own, because learned tensors may have the axes of the encoder's map, whose size differs from the images'.
  const frame = lossFrame(context.labels);
  const { classes, dataset } = context;
  const ofClasses = [{ name: "class", size: classes }, ...describedAxes(dataset.descriptions ?? [])];
  frame.giveAxes([...ofClasses, ...Object.values(context.encoder.outputs).flat()]);
  const scope = written.child(frame);
  const sizes = (): Map<string, number> =>
    new Map(
      loss.axisNamesInScope().flatMap((name) => {
        const size = loss.known(name)?.size;
        return size === undefined
          ? []
          : [
              [name, size],
              [unprimed(name), size],
            ];
      }),
    );
  const learned = new LearnedValues(scope, { generic: false }, sizes);
  learned.declare(line);
  for (const { text } of line.names) {
    const value = scope.lookup(text);
    if (value !== undefined) into.define(text, value);
  }
  return learned;
}

/** Returns the default loss of a `meta` stage: that of its metric's `classify`. */
export function defaultMetaLoss(span: ast.Span): Block {
  return { statements: [], result: { type: { kind: "real", axes: [] }, span, k: "entry_loss", entry: "classify" } };
}

/** Returns `loss classify + 0.1 * contrast`, in which each entry of the metric stands for its loss, or undefined after a report. */
export function metaLoss(line: ast.LossLine, metric: Metric, outer: Scope): Block | undefined {
  if (line.params !== undefined) {
    outer.checker.report(
      "FSL5029",
      line.span,
      { what: "the loss of a `meta` stage is made of its metric's entries" },
      {
        help: [`write \`loss ${Object.keys(metric.entries).join(" + ")}\``],
      },
    );
    return undefined;
  }
  const frame = lossFrame();
  const scope = outer.child(frame);
  for (const entry of Object.keys(metric.entries)) {
    scope.define(entry, frame.tensor(line.span, "real", [], { k: "entry_loss", entry }));
  }
  const result = lossValue(line, scope);
  return result === undefined ? undefined : { statements: frame.statements, result };
}
