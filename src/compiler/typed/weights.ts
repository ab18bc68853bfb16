/** Lists the weights of a stage, with their shapes and their origins. */
import type { Span } from "../../../grammar/ast.js";
import { scoringBorrows } from "./borrows.js";
import type {
  Borrowed,
  Initializer,
  Learn,
  LearnedTensor,
  Metric,
  Network,
  Slot,
  TrainingStage,
  WeightSpec,
} from "./tree.js";

/** A weight of a stage. The program input for it is named by its path. */
export interface WeightDecl {
  /** `encoder.…`, `head.…` or `metric.…`. A weight of another stage that a body calls is `stage:<id>:encoder.…`. */
  readonly path: string;
  readonly shape: readonly number[];
  /** Initializes the stored number. A `positive` weight is stored as its logarithm. */
  readonly init: Initializer;
  /** False for running statistics, which no optimizer changes. */
  readonly trainable: boolean;
  /** The weight of a finished stage that it is a copy of. */
  readonly from?: { readonly stage: string; readonly slot: string; readonly path: string };
  /** The tensor of a file of the project that it starts from. */
  readonly file?: { readonly path: string; readonly digest: string; readonly name: string; readonly span: Span };
}

/** Adds the file to those weights of a slot that start from one. */
function slotWeights({ file }: Pick<Slot<unknown>, "file">, decls: WeightDecl[]): WeightDecl[] {
  if (file === undefined) return decls;
  const { path, digest, names, span } = file;
  return decls.map((decl) => {
    const name = names[decl.path];
    return name === undefined ? decl : { ...decl, file: { path, digest, name, span } };
  });
}

/** Returns the weights of an encoder slot. */
export function encoderWeights(slot: Slot<Network>): WeightDecl[] {
  return slotWeights(slot, networkWeights("encoder", slot.value, slot.from));
}

export function networkWeights(slot: string, network: Network, origin?: Slot<unknown>["from"]): WeightDecl[] {
  return network.weights.map((w) => ({
    path: `${slot}.${w.path}`,
    shape: w.shape,
    init: w.init,
    trainable: w.trainable,
    ...(origin !== undefined ? { from: { ...origin, path: `${origin.slot}.${w.path}` } } : {}),
  }));
}

export function metricWeights(slot: Pick<Slot<Metric>, "value" | "from" | "file">, encoder: Network): WeightDecl[] {
  const decls = slot.value.learns
    .flatMap((learn) => learnWeights(learn, slot.value.learns, encoder))
    .map((decl) => {
      const path = `metric.${decl.path}`;
      return { ...decl, path, ...(slot.from !== undefined ? { from: { ...slot.from, path } } : {}) };
    });
  return slotWeights(slot, decls);
}

/** Returns the weights of networks of finished stages. No step changes them. */
export function borrowedWeights(borrows: readonly Borrowed[]): WeightDecl[] {
  return borrows.flatMap(({ stage, slot, network }) =>
    networkWeights(slot, network, { stage, slot }).map((decl) => ({
      ...decl,
      path: `${stagePrefix(stage)}${decl.path}`,
      trainable: false,
    })),
  );
}

/** Returns every weight that `classify` needs beside those of the encoder: the metric's own, and those of finished stages. */
export function scoringWeights(slot: Pick<Slot<Metric>, "value" | "from" | "file">, encoder: Network): WeightDecl[] {
  return [...metricWeights(slot, encoder), ...borrowedWeights(scoringBorrows(slot.value))];
}

const under =
  (slot: string) =>
  (decl: WeightDecl): WeightDecl => ({ ...decl, path: `${slot}.${decl.path}` });

function learnWeights(learn: Learn, beside: readonly Learn[], encoder: Network): WeightDecl[] {
  switch (learn.kind) {
    case "tensor":
      return [tensorWeight(learn)];
    case "module":
      return networkWeights(learn.name, learn.network);
    case "like":
      return learn.of
        .flatMap((of) => {
          if (of.kind === "slot") return networkWeights("encoder", encoder);
          const module = beside.find((other) => other.name === of.name);
          return module?.kind === "module" ? networkWeights(module.name, module.network) : [];
        })
        .filter(({ trainable }) => trainable)
        .map(({ path, shape }) => ({
          path: `${learn.name}.${path}`,
          shape,
          init: stored(learn.init, learn.positive),
          trainable: true,
        }));
  }
}

/** Returns the weight that holds a learned tensor. */
export function tensorWeight({ name, axes, init, positive, fixed }: LearnedTensor): WeightSpec {
  return {
    path: name,
    shape: axes.map((axis) => axis.size),
    init: stored(init, positive),
    trainable: fixed !== true,
  };
}

/** Returns the initializer of the stored number. If a positive value is drawn, its logarithm is what is drawn. */
function stored(init: Initializer, positive: boolean): Initializer {
  return positive && init.kind === "constant" ? { kind: "constant", value: Math.log(init.value) } : init;
}

/** Returns every weight that a training stage holds and hands over, in the order of its slots. */
export function stageWeights(stage: TrainingStage): WeightDecl[] {
  const encoder = encoderWeights(stage.encoder);
  switch (stage.kind) {
    case "pretrain":
      return [
        ...encoder,
        ...slotWeights(stage.head, networkWeights("head", stage.head.value, stage.head.from)),
        ...stage.learns.flatMap((learn) => learnWeights(learn, stage.learns, stage.encoder.value)).map(under("learn")),
      ];
    case "meta":
      return [...encoder, ...metricWeights(stage.metric, stage.encoder.value)];
  }
}

/** Returns the weights of the metric that a stage validates with, where they are not the stage's own. */
export function validationWeights(stage: TrainingStage): WeightDecl[] {
  switch (stage.kind) {
    case "pretrain": {
      if (stage.validate === undefined) return [];
      const { metric, from } = stage.validate;
      return scoringWeights({ value: metric, from }, stage.encoder.value);
    }
    case "meta":
      return [];
  }
}

/** Returns the prefix of the weights of a finished stage that a body calls. */
export const stagePrefix = (id: string): string => `stage:${id}:`;
