/** A stage's weights before its first step: copied from stored stages, or drawn. */
import { initialWeights, type WeightDecl } from "../../compiler/lower/weights.js";
import type { HostTensor, HostTensors } from "../engines/engine.js";
import { readEntry, readWeights } from "../store/store.js";
import type { Job } from "../worker/protocol.js";

/**
 * One tensor for each declaration, by path. The checker has matched paths and shapes of a hand-off; a stored stage
 * that disagrees with it is a bug of ours.
 */
export function startingWeights(decls: readonly WeightDecl[], job: Job): HostTensors {
  const stored = new Map<string, HostTensors>();
  const weightsOf = (stage: string): HostTensors => {
    let weights = stored.get(stage);
    if (weights === undefined) {
      const input = job.inputs[stage];
      const read = input === undefined ? { problem: "it was not stored" } : readEntry(input.dir);
      if ("problem" in read) throw new Error(`the stage ${stage} cannot hand over its weights: ${read.problem}`);
      weights = readWeights(read.entry);
      stored.set(stage, weights);
    }
    return weights;
  };
  const fresh = initialWeights(decls, job.seed);
  return Object.fromEntries(
    decls.map((decl): [string, HostTensor] => {
      const tensor = decl.from === undefined ? fresh[decl.path] : weightsOf(decl.from.stage)[decl.from.path];
      if (tensor === undefined) throw new Error(`no weight ${decl.path} (from ${JSON.stringify(decl.from)})`);
      if (tensor.shape.join() !== decl.shape.join()) {
        throw new Error(`the weight ${decl.path} has shape [${tensor.shape}] where [${decl.shape}] is declared`);
      }
      return [decl.path, tensor];
    }),
  );
}
