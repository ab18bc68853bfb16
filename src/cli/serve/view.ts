/** The data that the server sends to the page and to other programs. */

export interface ServedModel {
  readonly experiment: string;
  readonly stage: string;
  readonly metric: string;
  /** The height and width of the images that the encoder gets. */
  readonly height: number;
  readonly width: number;
}

export interface ShownImage {
  readonly id: string;
  /** The name of the uploaded file. */
  readonly name: string;
}

export interface Nearest {
  readonly id: string;
  readonly class: string;
  /** The Euclidean distance of the embeddings. */
  readonly distance: number;
}

/** The scores of an image. */
export interface Scored {
  /** The classes, the best first. */
  readonly classes: readonly { readonly name: string; readonly score: number; readonly probability: number }[];
  readonly nearest: readonly Nearest[];
}

export interface View {
  readonly model: ServedModel;
  readonly classes: readonly { readonly name: string; readonly images: readonly ShownImage[] }[];
  readonly queries: readonly (ShownImage & { readonly said?: string; readonly result?: Scored })[];
  readonly canUndo: boolean;
  /** The names of the kept sets of supports. */
  readonly sets: readonly string[];
  /** The reason why nothing can be classified, although there are classes and images. */
  readonly problem?: string;
}
