/** The encoder and the metric with which a finished stage classifies images that no dataset has. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { datasetOf } from "../../compiler/typed/find.js";
import type { Dataset, EvaluateStage, Experiment, MetaStage, Stage } from "../../compiler/typed/tree.js";

/** The encoder of a stage, with the origin of its weights. */
export interface Encoder extends Pick<EvaluateStage, "id" | "name" | "span" | "encoder"> {
  /** The ids of the stages whose weights it uses. */
  readonly needs: readonly string[];
  /** The dataset whose images it was evaluated or trained on. Its `eval` chain prepares every image. */
  readonly dataset: Dataset;
}

/** The parts of a stage that classify. */
export interface Classifier extends Encoder, Pick<EvaluateStage, "metric" | "fitFrom"> {}

/** Returns the encoder of a stage: the one that it trained, or the one that an evaluation measured. */
export function encoderOf(stage: Stage, experiment: Experiment): Encoder {
  if (stage.kind !== "pretrain") return classifierOf(stage, experiment);
  const { id, name, span, encoder, data } = stage;
  const trained = { value: encoder.value, span, frozen: true, from: { stage: id, slot: "encoder" as const } };
  return { id, name, span, needs: [id], encoder: trained, dataset: datasetOf(experiment, data.dataset) };
}

/**
 * Returns the classifier of a stage: the one that an evaluation measured, or the one that a meta-training trained.
 *
 * @throws DiagnosticError FSL7062 if the stage has no metric.
 */
export function classifierOf(stage: Stage, experiment: Experiment): Classifier {
  switch (stage.kind) {
    case "evaluate": {
      const dataset = stage.rows[0]?.split.dataset ?? "";
      return { ...stage, dataset: datasetOf(experiment, dataset) };
    }
    case "meta":
      return trainedClassifier(stage, datasetOf(experiment, stage.episodes.split.dataset));
    case "pretrain": {
      const why = "it is a `pretrain` stage, which has no metric";
      throw new DiagnosticError(diagnostic("FSL7062", stage.span, { stage: stage.name, why }));
    }
  }
}

/** @throws DiagnosticError FSL7062 if the metric takes descriptions of classes, because the classes of a user have none */
export function refuseDescriptions({ name, span, metric }: Classifier): void {
  const taken = metric.value.entries["classify"]?.params.find(({ description }) => description !== undefined);
  if (taken === undefined) return;
  const why = `its metric takes the description \`${taken.form}\` of each class, and new classes have none`;
  throw new DiagnosticError(diagnostic("FSL7062", span, { stage: name, why }));
}

/** @throws DiagnosticError FSL7062 if the dataset gives vectors, because an image of a user is none */
export function refuseVectors({ name, span, dataset }: Classifier): void {
  if (dataset.image.values === undefined) return;
  const why = `its dataset \`${dataset.name}\` gives vectors that another program computed, and images are none`;
  throw new DiagnosticError(diagnostic("FSL7062", span, { stage: name, why }));
}

function trainedClassifier(stage: MetaStage, dataset: Dataset): Classifier {
  const { id, name, span, fitFrom } = stage;
  return {
    id,
    name,
    span,
    needs: [id],
    encoder: { value: stage.encoder.value, span, frozen: true, from: { stage: id, slot: "encoder" } },
    metric: { value: stage.metric.value, span, frozen: true, from: { stage: id, slot: "metric" } },
    ...(fitFrom === undefined ? {} : { fitFrom }),
    dataset,
  };
}
