/** Loads the weights that a stage begins with: from stored stages, from files, or drawn at random. */

import { resolve } from "node:path";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { initialWeights } from "../../compiler/lower/weights.js";
import { canFill } from "../../compiler/typed/given-files.js";
import type { WeightDecl } from "../../compiler/typed/weights.js";
import type { HostTensor, HostTensors } from "../engines/engine.js";
import { openGivenWeights } from "../store/given-weights.js";
import { readWeights } from "../store/store.js";
import { mostBytes, readRegularFile } from "../system/read-file.js";
import { reason } from "../system/reason.js";
import { SafetensorsError } from "../system/safetensors-header.js";
import { openInput } from "./inputs.js";
import type { Job } from "./job.js";

/**
 * Returns one tensor for each declaration, by path. The checker has compared the paths and shapes of weights that come
 * from another stage, so a stored stage that disagrees is a bug.
 *
 * @throws DiagnosticError FSL6051 if a file of weights is not the one that was checked.
 */
export function loadInitialWeights(
  decls: readonly WeightDecl[],
  job: Pick<Job, "inputs" | "seed" | "project">,
): HostTensors {
  const stored = new Map<string, HostTensors>();
  const weightsOf = (stage: string): HostTensors => {
    let weights = stored.get(stage);
    if (weights === undefined) {
      weights = readWeights(openInput(job, stage));
      stored.set(stage, weights);
    }
    return weights;
  };
  const opened = new Map<string, ReturnType<typeof openFile>>();
  const fromFile = (file: NonNullable<WeightDecl["file"]>, shape: readonly number[]): HostTensor | undefined => {
    const open = opened.get(file.path) ?? openFile(file, job);
    opened.set(file.path, open);
    const tensor = open.tensor(file.name);
    return tensor !== undefined && canFill(tensor.shape, shape) ? { ...tensor, shape } : tensor;
  };
  const fresh = initialWeights(decls, job.seed);
  return Object.fromEntries(
    decls.map((decl): [string, HostTensor] => {
      const { from, file } = decl;
      const tensor =
        file !== undefined
          ? fromFile(file, decl.shape)
          : from === undefined
            ? fresh[decl.path]
            : weightsOf(from.stage)[from.path];
      if (tensor === undefined) throw new Error(`no weight ${decl.path} (from ${JSON.stringify(decl.from)})`);
      if (tensor.shape.join() !== decl.shape.join()) {
        throw new Error(`the weight ${decl.path} has shape [${tensor.shape}] where [${decl.shape}] is declared`);
      }
      return [decl.path, tensor];
    }),
  );
}

/** Opens a file of weights. @throws DiagnosticError FSL6051 if it is not the file that was checked. */
function openFile({ path, digest, span }: NonNullable<WeightDecl["file"]>, { project }: Pick<Job, "project">) {
  const refuse = (why: string, cause?: unknown): DiagnosticError =>
    new DiagnosticError(diagnostic("FSL6051", span, { path, why }), { cause });
  let file: ReturnType<typeof openGivenWeights>;
  try {
    file = openGivenWeights(readRegularFile(resolve(project.dir, path), mostBytes.weights));
  } catch (error) {
    throw refuse(error instanceof SafetensorsError ? error.message : reason(error), error);
  }
  if (file.digest !== digest) throw refuse("it has changed since it was checked");
  return file;
}
