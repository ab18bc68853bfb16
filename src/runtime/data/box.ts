/** A box in pixels of the upright image. Its corner counts from 0. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
