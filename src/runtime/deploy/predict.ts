/** Predicts the classes of images that a user brings, with the scores that the evaluation of the stage would have. */
import { listImages } from "../data/index.js";
import { sweepLeftovers } from "../run/leftovers.js";
import { whileReading } from "../run/while-reading.js";
import { OpenClassifier, type OpenRequest, type ReadyImage } from "./open-classifier.js";
import { isTransductive } from "./posed-metric.js";
import { probabilitiesOf } from "./probabilities.js";
import { findSupports, openSupports } from "./support-images.js";

export interface PredictionRequest extends OpenRequest {
  /** The folder with a folder of images for each class, or the name of a kept set. */
  readonly support: string;
  /** The paths of images and of folders of images. */
  readonly images: readonly string[];
}

export interface Prediction {
  /** The classes with the number of their supports, in the order of the scores. */
  readonly classes: readonly { readonly name: string; readonly supports: number }[];
  readonly images: readonly PredictedImage[];
  /** The images that cannot be read. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
}
export interface PredictedImage {
  readonly file: string;
  readonly class: string;
  readonly probability: number;
  /** The score and the probability of each class, in the order of the classes. */
  readonly scores: readonly number[];
  readonly probabilities: readonly number[];
}

/**
 * Predicts the classes of images with the weights of the store.
 *
 * @throws DiagnosticError FSL7040 or FSL7061 for images that cannot be used, FSL7060 if the stage is not stored, FSL7062 if it
 * cannot classify, FSL7063 if the images do not fit its metric, or the diagnostic of a question that failed.
 */
export async function predict(request: PredictionRequest): Promise<Prediction> {
  return await whileReading(request.prepared.project, () => predictNow(request));
}

async function predictNow(request: PredictionRequest): Promise<Prediction> {
  const { prepared, support, onNote } = request;
  const supports = findSupports(prepared.project, support);
  const listed = listImages(request.images);
  if (supports.outside > 0) onNote(`${supports.outside} images in ${support} are in no class folder and are left out`);
  sweepLeftovers(prepared.project);
  const classifier = await OpenClassifier.open(request);
  try {
    const classes = await openSupports(classifier, supports, support);
    const named = classes.map((images, c) => ({ name: supports.classes[c]?.name ?? "", images }));
    const shown = named.map(({ name, images }) => ({ name, supports: images.length }));
    return { classes: shown, ...(await classifyAll(classifier, named, listed, request)) };
  } finally {
    await classifier.close();
  }
}

/** The most images that are in memory at a time, unless the metric has to see all of them together. */
const imagesAtOnce = 512;

async function classifyAll(
  classifier: OpenClassifier,
  classes: readonly { readonly name: string; readonly images: readonly ReadyImage[] }[],
  listed: ReturnType<typeof listImages>,
  { onNote }: PredictionRequest,
): Promise<Omit<Prediction, "classes">> {
  const { metric } = classifier.classifier;
  const classify = metric.value.entries["classify"];
  const together = isTransductive(classifier.classifier);
  if (together) {
    const assumes = classify?.assumes ?? [];
    const assumed = assumes.length === 0 ? "" : `, and assumes that they are ${assumes.join(", ")}`;
    onNote(
      `\`${metric.value.name}\` is transductive: it classifies all images together${assumed}. Other images beside them change the answer`,
    );
  }
  const images: PredictedImage[] = [];
  const unreadable: { file: string; why: string }[] = [];
  const perRound = together ? listed.length : imagesAtOnce;
  for (let start = 0; start < listed.length; start += perRound) {
    const some = listed.slice(start, start + perRound);
    const readable: Omit<ReadyImage, "features">[] = [];
    const files: string[] = [];
    for (const [i, one] of (await classifier.images.prepareFiles(some)).entries()) {
      const file = some[i]?.name ?? "";
      if ("why" in one) unreadable.push({ file, why: one.why });
      else {
        readable.push(one);
        files.push(file);
      }
    }
    const supports = classes.map((one) => one.images);
    const scored = await classifier.score(supports, await classifier.makeReady(readable));
    for (const [i, scores] of scored.entries())
      images.push(describe(files[i] ?? "", scores, probabilitiesOf(metric.value, scores), classes));
  }
  return { images, unreadable };
}

function describe(
  file: string,
  scores: readonly number[],
  probabilities: readonly number[],
  classes: readonly { readonly name: string }[],
): PredictedImage {
  const best = scores.indexOf(Math.max(...scores));
  return { file, class: classes[best]?.name ?? "", probability: probabilities[best] ?? 0, scores, probabilities };
}
