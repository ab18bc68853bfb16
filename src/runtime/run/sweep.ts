/** Describes a sweep: one run of several variants of an experiment, which differ in their parameters or in the seed. */

import { ingestedDataset } from "../../compiler/stages/graph.js";
import type { Variant, VariantGraph } from "../../compiler/stages/variants.js";
import { taskText } from "../../compiler/typed/describe.js";
import type { EvaluateStage, Experiment, ParamValue, ResolvedParam } from "../../compiler/typed/tree.js";
import type { Sweep } from "../events/events.js";

/** Returns a variant for each experiment and seed. Its values are those of the parameters in which the experiments differ. */
export function variantsOf(experiments: readonly Experiment[], seeds: readonly number[]): Variant[] {
  const shared = new Set(sharedParams(experiments).map(({ name }) => name));
  return experiments.flatMap((experiment) => {
    const own = experiment.params.filter(({ name }) => !shared.has(name));
    const values = Object.fromEntries(own.map(({ name, value }) => [name, value]));
    return seeds.map((seed) => ({ experiment, seed, values }));
  });
}

/** Returns the parameters that have the same value in all experiments. */
export function sharedParams([first, ...others]: readonly Experiment[]): readonly ResolvedParam[] {
  const texts = others.map(({ params }) => new Map(params.map(({ name, value }) => [name, JSON.stringify(value)])));
  return (first?.params ?? []).filter(({ name, value }) =>
    texts.every((other) => other.get(name) === JSON.stringify(value)),
  );
}

/** Returns the sweep as events record it; nothing for a run of one variant. */
export function describeSweep({ variants }: VariantGraph): { readonly sweep?: Sweep } {
  const [first] = variants;
  if (first === undefined || variants.length === 1) return {};
  const params = Object.keys(first.values).map((name) => {
    const unit = first.experiment.params.find((param) => param.name === name)?.unit;
    const values = distinct(variants.flatMap(({ values: { [name]: value } }) => (value === undefined ? [] : [value])));
    return { name, ...(unit === undefined ? {} : { unit }), values };
  });
  return {
    sweep: {
      params,
      seeds: [...new Set(variants.map(({ seed }) => seed))],
      variants: variants.map(({ values, seed, places }) => ({
        values,
        seed,
        stages: Object.fromEntries(Object.entries(places).filter(([id]) => ingestedDataset(id) === undefined)),
      })),
    },
  };
}

/** Returns the values without repetitions. */
function distinct(values: readonly ParamValue[]): ParamValue[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** Returns a text that two rows of evaluations share if their results can be ranked: the task and the split. */
export function protocolOf({ task, split }: EvaluateStage["rows"][number]): string {
  return `${taskText(task)} of ${split.dataset}.${split.split}`;
}
