/** The losses of stages: the defaults, and those that a `loss` line writes. */
import type * as ast from "../../../../grammar/ast.js";
import type { Axis, Block, Expr, Learn, Metric, Network } from "../../typed/tree.js";
import { Frame, unprimed } from "../core/frame.js";
import type { Scope } from "../core/scope.js";
import type { CallableValue } from "../core/values.js";
import { evaluateBlock, scalarLoss } from "../expressions/blocks.js";
import { LearnedValues } from "../metrics/learned-values.js";
import { encoderCallable } from "../metrics/parameter-types.js";
import type { ScopedLine } from "./stage-lines.js";

export interface PretrainLossContext {
  readonly stage: string;
  readonly encoder: Network;
  readonly head: Network;
  /** Images that the loss sees at once. */
  readonly items: number;
  readonly classes: number;
  /** Whose classes the labels are. */
  readonly labels: string;
  readonly span: ast.Span;
}

function lossFrame(labels?: string, image: readonly Axis[] = []): Frame {
  const none = new Set<string>();
  const options = { place: "loss", generic: false, transductive: true, opaque: none } as const;
  return new Frame({ ...options, training: true, labels, image }, []);
}

/** mean cross-entropy of `head(encoder(x, norm: batch).vector)`. */
export function defaultPretrainLoss(context: PretrainLossContext): Block {
  const { span, encoder, head } = context;
  const item: Axis = { name: "item", size: context.items };
  const of: Axis = { name: "class", size: context.classes };
  const vector = encoder.outputs["vector"] ?? [];
  const output = Object.keys(head.outputs)[0] ?? "out";
  const x: Expr = { type: { kind: "image", axes: [item] }, span, k: "param", name: "x" };
  const y: Expr = { type: { kind: "class", axes: [item], of }, span, k: "param", name: "y" };
  const embedded: Expr = {
    type: { kind: "real", axes: [item, ...vector] },
    span,
    k: "apply",
    target: { kind: "slot", slot: "encoder" },
    x,
    output: "vector",
    norm: "batch",
  };
  const z: Expr = {
    type: { kind: "logits", axes: [item, of] },
    span,
    k: "apply",
    target: { kind: "slot", slot: "head" },
    x: embedded,
    output,
    norm: "phase",
  };
  const each: Expr = { type: { kind: "real", axes: [item] }, span, k: "cross_entropy", z, y, from: "logits" };
  return {
    statements: [],
    result: { type: { kind: "real", axes: [] }, span, k: "reduce", op: "mean", x: each, over: ["item"] },
  };
}

/** `loss(x: image [item], y: class [item]) { … }` */
export function pretrainLoss(
  line: ast.LossLine,
  context: PretrainLossContext,
  learned: readonly ScopedLine<ast.LearnDecl>[] | undefined,
  outer: Scope,
): { readonly block: Block; readonly learns: readonly Learn[] } | undefined {
  const { checker } = outer;
  if (line.params === undefined) {
    checker.report(
      "FSL5029",
      line.span,
      { what: "the loss of a `pretrain` stage takes its images and labels" },
      {
        help: ["write `loss(x: image [item], y: class [item]) { … }`"],
      },
    );
    return undefined;
  }
  const frame = lossFrame(context.labels, context.encoder.input);
  for (const axis of context.encoder.input) frame.know(axis.name, axis.size);
  frame.know("item", context.items);
  frame.know("class", context.classes);
  const scope = outer.child(frame);
  const head: CallableValue = {
    kind: "callable",
    target: { kind: "slot", slot: "head" },
    network: () => context.head,
    known: () => context.head,
    gives: "logits",
    norm: "auto",
    span: context.span,
  };
  scope.define("encoder", encoderCallable(context.encoder, context.span));
  scope.define("head", head);
  const learns = (learned ?? []).map((written) => declareLearned(written, context, scope, frame));
  const item: Axis = { name: "item", size: context.items };
  for (const [at, param] of line.params.entries()) {
    const form = param.type?.name.text;
    const axes = (param.type?.axes ?? []).map((axis) => axis.text);
    const wanted = at === 0 ? "image" : at === 1 ? "class" : undefined;
    if (wanted === undefined || form !== wanted || axes.length !== 1 || axes[0] !== "item") {
      checker.report(
        "FSL5029",
        param.span,
        { what: "a `pretrain` loss takes images, then their labels" },
        {
          help: ["write `loss(x: image [item], y: class [item]) { … }`"],
        },
      );
      return undefined;
    }
    const of: Axis = { name: "class", size: context.classes };
    const kind = wanted === "image" ? "image" : "class";
    const name = at === 0 ? "x" : "y";
    const made = frame.make(param.name.span, kind, [item], { k: "param", name }, kind === "class" ? of : undefined);
    scope.define(param.name.text, made);
  }
  const value = evaluateBlock(line.body, scope);
  if (value.kind === "anything") return undefined;
  const result = scalarLoss(value, scope, line.body.result?.span ?? line.body.span);
  if (result === undefined) return undefined;
  const block = { statements: frame.statements, result };
  return { block, learns: learns.flatMap((each) => each.typed()) };
}

/** A `learn` line of the stage: evaluated where it was written, its names known in the loss. */
function declareLearned(
  { line, scope: written }: ScopedLine<ast.LearnDecl>,
  context: PretrainLossContext,
  into: Scope,
  loss: Frame,
): LearnedValues {
  // Learned tensors may have the axes of the encoder's outputs, whose map has another size than the images.
  const frame = lossFrame(context.labels);
  frame.know("class", context.classes);
  for (const axes of Object.values(context.encoder.outputs)) for (const axis of axes) frame.know(axis.name, axis.size);
  const scope = written.child(frame);
  const sizes = (): Map<string, number> =>
    new Map(
      loss.knownNames().flatMap((name) => {
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

export function defaultMetaLoss(span: ast.Span): Block {
  return { statements: [], result: { type: { kind: "real", axes: [] }, span, k: "entry_loss", entry: "classify" } };
}

/** `loss classify + 0.1 * contrast`: each entry is its loss. */
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
    scope.define(entry, frame.make(line.span, "real", [], { k: "entry_loss", entry }));
  }
  const value = evaluateBlock(line.body, scope);
  if (value.kind === "anything") return undefined;
  const result = scalarLoss(value, scope, line.body.result?.span ?? line.body.span);
  return result === undefined ? undefined : { statements: frame.statements, result };
}
