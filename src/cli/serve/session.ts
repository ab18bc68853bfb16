/** The work of one page: the supports, the images to classify, and what was said about them. */
import { readFileSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DiagnosticError } from "../../compiler/diagnostics/diagnostic.js";
import type { OpenClassifier, ReadyImage } from "../../runtime/deploy/open-classifier.js";
import { probabilitiesOf } from "../../runtime/deploy/probabilities.js";
import { type ImageFiles, listKeptSets, openKeptSet, writeKeptSet } from "../../runtime/deploy/support-sets.js";
import type { Project } from "../../runtime/system/project.js";
import { sha256 } from "../../runtime/system/sha256.js";
import { Problem, problemOf } from "./problem.js";
import {
  emptyState,
  imagesOf,
  noneOfThese,
  type State,
  withAnswer,
  withoutClass,
  withoutImage,
  withQueries,
  withSupports,
} from "./state.js";
import type { UploadedImage } from "./uploads.js";
import type { Nearest, Scored, ServedModel, View } from "./view.js";

/** An image of the page. Its encoded bytes are in a file, because a page can have thousands of photos. */
interface HeldImage {
  /** The beginning of the digest of its bytes: the same image has the same id. */
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly ready: ReadyImage;
}

/** The most images of a page, the most steps that can be undone, and the most nearest supports that are shown. */
const mostImages = 2000;
const mostSteps = 50;
const mostNearest = 3;

export class Session {
  private state = emptyState;
  private readonly history: State[] = [];
  private readonly images = new Map<string, HeldImage>();
  private files = 0;
  /** The scores of the queries of a state. */
  private scored: { readonly state: State; readonly scores: ReadonlyMap<string, Scored>; readonly problem?: string } = {
    state: emptyState,
    scores: new Map(),
  };

  constructor(
    private readonly classifier: OpenClassifier,
    private readonly project: Project,
    private readonly model: ServedModel,
    /** The folder of the encoded images. */
    private readonly dir: string,
  ) {}

  /** Returns all that the page shows. */
  async view(): Promise<View> {
    const { scores, problem } = await this.scores();
    const shown = (id: string) => ({ id, name: this.images.get(id)?.name ?? "" });
    return {
      model: this.model,
      classes: this.state.classes.map(({ name, images }) => ({ name, images: images.map(shown) })),
      queries: this.state.queries.map(({ image, said }) => ({
        ...shown(image),
        ...(said === undefined ? {} : { said }),
        ...resultOf(scores.get(image)),
      })),
      canUndo: this.history.length > 0,
      sets: listKeptSets(this.project).map(({ name }) => name),
      ...(problem === undefined ? {} : { problem }),
    };
  }

  /** Returns the bytes [channels, height, width] of an image as the encoder gets them. @throws Problem 404 */
  pixels(id: string): Uint8Array {
    return this.image(id).ready.pixels;
  }

  /** Makes the images supports of a class. */
  async addSupports(name: string, images: readonly UploadedImage[]): Promise<void> {
    const held = await this.hold(images);
    this.change(held, (state, ids) => withSupports(state, name, ids));
  }

  async addQueries(images: readonly UploadedImage[]): Promise<void> {
    const held = await this.hold(images);
    this.change(held, withQueries);
  }

  /** Classifies images and keeps nothing of them. @throws Problem 409 if there are not two classes, or if the metric cannot */
  async classify(images: readonly UploadedImage[]): Promise<readonly (Scored & { readonly name: string })[]> {
    const ready = await this.prepare(images);
    const { classes } = this.state;
    if (classes.length < 2) throw new Problem(409, "there are fewer than two classes with images");
    const scored = await this.scoreAgainst(this.state, ready);
    return scored.map((one, i) => ({ name: images[i]?.name ?? "", ...one }));
  }

  /** Records the class of a query, or that it is of none. @throws Problem 404 */
  answer(id: string, name: string | null): void {
    if (!this.state.queries.some(({ image }) => image === id)) throw new Problem(404, "this image is not classified");
    this.change([], (state) => withAnswer(state, id, name ?? noneOfThese));
  }

  removeImage(id: string): void {
    this.image(id);
    this.change([], (state) => withoutImage(state, id));
  }

  removeClass(name: string): void {
    if (!this.state.classes.some((one) => one.name === name)) throw new Problem(404, "there is no such class");
    this.change([], (state) => withoutClass(state, name));
  }

  /** Goes back to the state before the last change. @throws Problem 409 if there is none */
  undo(): void {
    const before = this.history.pop();
    if (before === undefined) throw new Problem(409, "there is nothing to undo");
    this.state = before;
    this.dropUnused();
  }

  /** Keeps the supports in the project under a name. */
  save(name: string): void {
    if (this.state.classes.length === 0) throw new Problem(409, "there are no examples to save");
    const classes = this.state.classes.map((one) => ({
      name: one.name,
      images: one.images.map((id) => this.image(id)),
    }));
    writeKeptSet(this.project, name, classes);
  }

  /** Takes the supports of a kept set in place of the present ones. @throws Problem 404 */
  async load(name: string): Promise<void> {
    const set = openKeptSet(this.project, name);
    if (set === undefined) throw new Problem(404, "there is no kept set of this name");
    await this.replaceSupports(set);
  }

  /** Takes these supports in place of the present ones. */
  async replaceSupports(classes: readonly ImageFiles[]): Promise<void> {
    const held: HeldImage[] = [];
    const ends: number[] = [];
    for (const { images } of classes) {
      held.push(...(await this.hold(images.map(({ name, file }) => ({ name, bytes: readFileSync(file) })))));
      ends.push(held.length);
    }
    this.change(held, ({ queries }, ids) => {
      const empty: State = { classes: [], queries: queries.map(({ image }) => ({ image })) };
      return classes.reduce(
        (state, { name }, c) => withSupports(state, name, ids.slice(ends[c - 1] ?? 0, ends[c])),
        empty,
      );
    });
  }

  private image(id: string): HeldImage {
    const image = this.images.get(id);
    if (image === undefined) throw new Problem(404, "there is no such image");
    return image;
  }

  /** Takes images into the page and makes a new state, both at once, because requests arrive while others are answered. */
  private change(held: readonly HeldImage[], next: (state: State, ids: readonly string[]) => State): void {
    for (const image of held) {
      if (this.images.has(image.id)) rmSync(image.file, { force: true });
      else this.images.set(image.id, image);
    }
    this.history.push(this.state);
    if (this.history.length > mostSteps) this.history.shift();
    this.state = next(
      this.state,
      held.map(({ id }) => id),
    );
    this.dropUnused();
  }

  /** Forgets the images that no state has to which one can go back. */
  private dropUnused(): void {
    const used = new Set([this.state, ...this.history].flatMap((state) => [...imagesOf(state)]));
    for (const [id, { file }] of this.images) {
      if (used.has(id)) continue;
      this.images.delete(id);
      rmSync(file, { force: true });
    }
  }

  /** Prepares and embeds images. @throws Problem 415 if one cannot be read */
  private async prepare(images: readonly UploadedImage[]): Promise<ReadyImage[]> {
    const prepared = await this.classifier.images.prepareBytes(images.map(({ bytes }) => bytes));
    const good = prepared.map((one, i) => {
      if ("pixels" in one) return one;
      throw new Problem(415, `\`${images[i]?.name || "the image"}\` cannot be read: ${one.why}`);
    });
    return await this.classifier.embed(good);
  }

  /** Prepares images and writes their bytes to files. @throws Problem 413 if the page is full, or 415 if one cannot be read */
  private async hold(images: readonly UploadedImage[]): Promise<HeldImage[]> {
    if (this.images.size + images.length > mostImages)
      throw new Problem(413, `a page has at most ${mostImages} images: remove some`);
    const ready = await this.prepare(images);
    await mkdir(this.dir, { recursive: true });
    const held = images.map(async ({ name, bytes }, i): Promise<HeldImage[]> => {
      const one = ready[i];
      if (one === undefined) return [];
      const file = join(this.dir, `${this.files++}`);
      await writeFile(file, bytes);
      return [{ id: sha256(bytes).slice(0, 24), name, file, ready: one }];
    });
    return (await Promise.all(held)).flat();
  }

  private async scores(): Promise<Session["scored"]> {
    const { state } = this;
    if (this.scored.state === state) return this.scored;
    const { classes, queries } = state;
    if (classes.length < 2 || queries.length === 0) {
      this.scored = { state, scores: new Map() };
      return this.scored;
    }
    try {
      const ids = queries.map(({ image }) => image);
      const scored = await this.scoreAgainst(
        state,
        ids.map((id) => this.image(id).ready),
      );
      this.scored = { state, scores: new Map(scored.map((one, i) => [ids[i] ?? "", one])) };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.scored = { state, scores: new Map(), problem: error.detail };
    }
    return this.scored;
  }

  private async scoreAgainst({ classes }: State, queries: readonly ReadyImage[]): Promise<Scored[]> {
    const supports = classes.map(({ images }) => images.map((id) => this.image(id).ready));
    let all: number[][];
    try {
      all = await this.classifier.score(supports, queries);
    } catch (error) {
      throw error instanceof DiagnosticError ? problemOf(error) : error;
    }
    const held = classes.flatMap(({ name, images }) =>
      images.map((id) => ({ id, class: name, ready: this.image(id).ready })),
    );
    const { value } = this.classifier.classifier.metric;
    return all.map((scores, q) => {
      const probabilities = probabilitiesOf(value, scores);
      const ranked = classes
        .map(({ name }, c) => ({ name, score: scores[c] ?? 0, probability: probabilities[c] ?? 0 }))
        .sort((a, b) => b.score - a.score);
      return { classes: ranked, nearest: nearestOf(queries[q], held) };
    });
  }
}

function resultOf(result: Scored | undefined): { readonly result?: Scored } {
  return result === undefined ? {} : { result };
}

/** Returns the supports whose embeddings are nearest to that of a query, by Euclidean distance. */
function nearestOf(
  query: ReadyImage | undefined,
  held: readonly { readonly id: string; readonly class: string; readonly ready: ReadyImage }[],
): Nearest[] {
  if (query === undefined) return [];
  return held
    .map(({ ready, ...one }) => ({ ...one, distance: distance(query, ready) }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, mostNearest);
}

function distance(a: ReadyImage, b: ReadyImage): number {
  let sum = 0;
  for (const [name, row] of Object.entries(a.features)) {
    const other = b.features[name];
    if (other === undefined) continue;
    for (let i = 0; i < row.length; i++) sum += ((row[i] as number) - (other[i] as number)) ** 2;
  }
  return Math.sqrt(sum);
}
