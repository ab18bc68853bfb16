/** Predicts the classes of images that a user brings, with the scores that the evaluation of the stage would have. */
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { listImages } from "../data/index.js";
import { sweepLeftovers } from "../run/leftovers.js";
import { whileReading } from "../run/while-reading.js";
import { type Calibration, calibrate, unknownBelow } from "./calibration.js";
import { OpenClassifier, type OpenRequest, type ReadyImage } from "./open-classifier.js";
import { isTransductive } from "./posed-metric.js";
import { probabilitiesOf } from "./probabilities.js";
import { findSupports, openSupports } from "./support-images.js";

export interface PredictionRequest extends OpenRequest {
  /** The folder with a folder of images for each class, or the name of a kept set. */
  readonly support: string;
  /** The paths of images and of folders of images. */
  readonly images: readonly string[];
  /** The share of images of known classes that may be taken for images of no class. Without it, every image gets a class. */
  readonly unknown?: number;
}

export interface Prediction {
  /** The classes with the number of their supports, in the order of the scores. */
  readonly classes: readonly { readonly name: string; readonly supports: number }[];
  readonly images: readonly PredictedImage[];
  /** The images that cannot be read. */
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
  /** The calibration of the probabilities, or the reason why they are those of the metric. */
  readonly calibration: Calibration | { readonly why: string };
  /** The probability below which an image is of no class, if it was asked for. */
  readonly unknownBelow?: number;
}
export interface PredictedImage {
  readonly file: string;
  readonly class: string;
  readonly probability: number;
  /** The score and the probability of each class, in the order of the classes. */
  readonly scores: readonly number[];
  readonly probabilities: readonly number[];
  /** True if it is taken for an image of no class. `class` is then only the nearest one. */
  readonly unknown?: boolean;
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
    const shots = shown.map(({ supports: count }) => count);
    const calibration = await calibrate(classifier, prepared, shots);
    const scale = { calibration, ...thresholdOf(calibration, request.unknown) };
    return { classes: shown, ...scale, ...(await classifyAll(classifier, named, listed, scale, request)) };
  } finally {
    await classifier.close();
  }
}

/** The parts of a prediction that say how sure it is. */
type Scale = Pick<Prediction, "calibration" | "unknownBelow">;

/** @throws DiagnosticError FSL7042 if there are no validation images that could tell the threshold */
function thresholdOf(calibration: Scale["calibration"], share: number | undefined): Pick<Scale, "unknownBelow"> {
  if (share === undefined) return {};
  if (!("why" in calibration)) return { unknownBelow: unknownBelow(calibration, share) };
  const why = `the probability from which on an image is of no class comes from validation images, and ${calibration.why}`;
  throw new DiagnosticError(diagnostic("FSL7042", undefined, { option: "--unknown", value: share, why }));
}

/** The most images that are in memory at a time, unless the metric has to see all of them together. */
const imagesAtOnce = 512;

async function classifyAll(
  classifier: OpenClassifier,
  classes: readonly { readonly name: string; readonly images: readonly ReadyImage[] }[],
  listed: ReturnType<typeof listImages>,
  { calibration, unknownBelow: threshold }: Scale,
  { onNote }: PredictionRequest,
): Promise<Pick<Prediction, "images" | "unreadable">> {
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
  const temperature = "why" in calibration ? 1 : calibration.temperature;
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
    for (const [i, scores] of scored.entries()) {
      const image = describe(files[i] ?? "", scores, probabilitiesOf(metric.value, scores, temperature), classes);
      images.push(threshold === undefined ? image : { ...image, unknown: image.probability < threshold });
    }
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
