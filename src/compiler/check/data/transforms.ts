/** Elaborates the image transforms of a dataset, and finds the size of image that a chain of them gives. */
import type * as ast from "../../../../grammar/ast.js";
import type { ImageSize, SourceForm, Transform } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { type BoundCall, bindNamedCall, type SettingTable } from "../expressions/settings.js";

const pixels = { name: "size", type: { kind: "int" }, min: 1, max: 4096 } as const;
const chance = { name: "p", type: { kind: "real" }, default: 0.5, min: 0, max: 1 } as const;
const strength = (name: string) => ({ name, type: { kind: "real" }, default: -1, min: 0, max: 1 }) as const;

const transforms: SettingTable = {
  resize: [pixels],
  center_crop: [pixels],
  random_crop: [pixels, { name: "pad", type: { kind: "int" }, default: 0, min: 0 }],
  random_resized_crop: [
    pixels,
    { name: "scale", type: { kind: "reals" }, default: [0.08, 1], min: 0, max: 1, above: true },
    { name: "ratio", type: { kind: "reals" }, default: [3 / 4, 4 / 3], min: 0, above: true },
  ],
  flip: [chance],
  rotate: [{ name: "degrees", type: { kind: "real" }, min: 0, max: 180 }],
  color_jitter: [
    { name: "strength", type: { kind: "real" }, default: 0.4, min: 0, max: 1 },
    strength("brightness"),
    strength("contrast"),
    strength("saturation"),
  ],
  noise: [{ name: "std", type: { kind: "real" }, min: 0 }],
  compress: [{ name: "quality", type: { kind: "reals" }, default: [30, 95], min: 1, max: 100 }, chance],
  erase: [
    chance,
    { name: "scale", type: { kind: "reals" }, default: [0.02, 0.33], min: 0, max: 1, above: true },
    { name: "ratio", type: { kind: "reals" }, default: [0.3, 3.3], min: 0, above: true },
  ],
  blur: [{ name: "sigma", type: { kind: "reals" }, default: [0.1, 2], min: 0, max: 20, above: true }, chance],
  posterize: [{ name: "bits", type: { kind: "int" }, default: 4, min: 1, max: 8 }, chance],
  solarize: [{ name: "threshold", type: { kind: "int" }, default: 128, min: 0, max: 255 }, chance],
  rand_augment: [
    { name: "count", type: { kind: "int" }, default: 2, min: 1, max: 14 },
    { name: "strength", type: { kind: "real" }, default: 9, min: 0, max: 30 },
  ],
  trim: [{ name: "bottom", type: { kind: "int" }, min: 1, max: 4096 }],
  box: [{ name: "pad", type: { kind: "real" }, default: 0, min: 0, max: 1 }],
  foreground: [],
  grayscale: [],
  invert: [],
  normalize: [
    { name: "mean", type: { kind: "reals" }, default: [0.472, 0.453, 0.41] },
    { name: "std", type: { kind: "reals" }, default: [0.277, 0.268, 0.285], min: 0, above: true },
  ],
};
export const transformNames: readonly string[] = Object.keys(transforms);
const randomTransforms = new Set([
  "random_crop",
  "random_resized_crop",
  "flip",
  "rotate",
  "color_jitter",
  "noise",
  "compress",
  "erase",
  "blur",
  "posterize",
  "solarize",
  "rand_augment",
]);
/** The arguments that are a range: two numbers, the smaller one first. */
const ranges = new Set(["scale", "ratio", "quality", "sigma"]);

/** The arguments of a source that decide which transforms its images can have. */
type ImageForm = Pick<SourceForm, "kind" | "channels" | "square" | "size" | "boxes">;

export interface TransformChain {
  readonly transforms: readonly Transform[];
  /** The size of every image after the chain, or undefined if images keep sizes of their own. */
  readonly size: ImageSize | undefined;
}

/** Returns the transforms of a `train` or `eval` line, or undefined after a report. */
export function elaborateTransforms(
  word: "train" | "eval",
  values: readonly ast.Expr[],
  source: ImageForm,
  scope: Scope,
): TransformChain | undefined {
  const chain = new ChainBuilder(word, source, scope);
  for (const expr of values) chain.add(expr);
  return chain.result();
}

/** Adds transforms one by one and follows the size of the image through them. */
class ChainBuilder {
  private readonly transforms: Transform[] = [];
  private valid = true;
  private channels: number;
  /** The side of the image if it is square and known. */
  private side: number | undefined;
  /** The shorter side after a `resize` of images that are not square; the longer one is unknown. */
  private shorterSide: number | undefined;
  private normalized: ast.Span | undefined;
  /** True if a part of unknown proportions was cut out of the image. */
  private isCut = false;
  /** True while a pixel has the place that it has in the file, which is what the boxes of the data count in. */
  private inPlace = true;

  constructor(
    private readonly word: "train" | "eval",
    private readonly source: ImageForm,
    private readonly scope: Scope,
  ) {
    this.channels = source.channels;
    this.side = source.size;
  }

  result(): TransformChain | undefined {
    const { channels, side } = this;
    if (!this.valid) return undefined;
    const size = side === undefined ? undefined : { channels, height: side, width: side };
    return { transforms: this.transforms, size };
  }

  add(expr: ast.Expr): void {
    const call = bindNamedCall(expr, transforms, "transform", this.scope);
    if (call !== undefined) this.checkPlace(call.name, expr.span);
    const transform =
      call !== undefined && checkLists(call, this.channels, this.scope) ? transformOf(call, this.channels) : undefined;
    if (transform === undefined) {
      this.valid = false;
      return;
    }
    this.follow(transform, expr.span);
    this.transforms.push(transform);
  }

  /** Reports a transform after `normalize` (FSL5022), and a random one in an `eval` line (FSL5023). */
  private checkPlace(name: string, span: ast.Span): void {
    const { checker } = this.scope;
    if (this.normalized !== undefined) {
      const labels = [{ span: this.normalized, text: "normalized here" }];
      const what = `\`${name}\` comes after \`normalize\``;
      checker.report("FSL5022", span, { what }, { labels, help: ["put `normalize` last"] });
      this.valid = false;
    }
    if (name === "box" || name === "foreground") this.checkBox(name, span);
    this.inPlace &&= name === "trim" || name === "foreground";
    if (this.word === "eval" && randomTransforms.has(name)) {
      checker.report("FSL5023", span, { name });
      this.valid = false;
    }
  }

  /** Reports `box` with data that have no boxes, and a transform that looks at boxes after one that moves pixels (FSL5022). */
  private checkBox(name: "box" | "foreground", span: ast.Span): void {
    const { source, inPlace } = this;
    if ((source.boxes === true || name === "foreground") && inPlace) return;
    const what = inPlace
      ? `\`box\` cuts out the boxes of the data, and \`${source.kind}\` has none`
      : `\`${name}\` comes after a transform that moves pixels, and the boxes of the data count pixels of the file`;
    const help = inPlace ? [] : [`put \`${name}\` first. Only \`trim\` and \`foreground\` may stand before it`];
    this.scope.checker.report("FSL5022", span, { what }, { help });
    this.valid = false;
  }

  /** Updates the size of the image. Reports FSL5022 for a crop that is larger than the image. */
  private follow(transform: Transform, span: ast.Span): void {
    switch (transform.op) {
      case "resize":
        this.shorterSide = transform.size;
        if (this.side !== undefined || (this.source.square && !this.isCut)) this.side = transform.size;
        break;
      case "center_crop":
        this.crop(transform.size, 0, span);
        break;
      case "random_crop":
        this.crop(transform.size, transform.pad, span);
        break;
      case "random_resized_crop":
        this.side = transform.size;
        break;
      case "trim":
      case "box":
        this.side = undefined;
        this.shorterSide = undefined;
        this.isCut = true;
        break;
      case "grayscale":
        this.channels = 1;
        break;
      case "normalize":
        this.normalized = span;
        break;
      case "flip":
      case "rotate":
      case "color_jitter":
      case "noise":
      case "compress":
      case "erase":
      case "blur":
      case "posterize":
      case "solarize":
      case "rand_augment":
      case "foreground":
      case "invert":
        break;
      default:
        transform satisfies never;
    }
  }

  private crop(size: number, pad: number, span: ast.Span): void {
    const known = this.side ?? this.shorterSide;
    if (known !== undefined && known + 2 * pad < size) {
      const what = `a crop of ${size} does not fit into images of ${known}`;
      this.scope.checker.report("FSL5022", span, { what });
      this.valid = false;
    }
    this.side = size;
  }
}

/** Returns whether lists have as many numbers as they need: two for a range, one or one per channel for statistics. Reports FSL3009. */
function checkLists({ given }: BoundCall, channels: number, { checker }: Scope): boolean {
  let complete = true;
  for (const [name, { value, span }] of given) {
    if (value.kind !== "list") continue;
    const range = ranges.has(name);
    if (!range && name !== "mean" && name !== "std") continue;
    const numbers = value.items.flatMap((item) => (item.kind === "int" || item.kind === "real" ? [item.value] : []));
    const [low = 0, high = 0] = numbers;
    const whole = name !== "quality" || numbers.every(Number.isInteger);
    if (range ? numbers.length === 2 && low <= high && whole : numbers.length === 1 || numbers.length === channels)
      continue;
    const each = channels === 1 ? "one number" : `one number, or one for each of ${channels} channels`;
    checker.report("FSL3009", span, {
      what: `\`${name}\``,
      expected: range ? `two ${name === "quality" ? "whole numbers" : "numbers"}, the smaller one first` : each,
      found: `[${numbers.join(", ")}]`,
    });
    complete = false;
  }
  return complete;
}

/** Returns the typed transform of a call, or undefined if an argument was missing, which has been reported. */
function transformOf({ name, args, given }: BoundCall, channels: number): Transform | undefined {
  const number = (key: string): number => (typeof args[key] === "number" ? args[key] : Number.NaN);
  const list = (key: string): readonly number[] => {
    const value = args[key];
    return Array.isArray(value) ? value.filter((item) => typeof item === "number") : [];
  };
  switch (name) {
    case "resize":
    case "center_crop":
      return Number.isNaN(number("size")) ? undefined : { op: name, size: number("size") };
    case "random_crop":
      return Number.isNaN(number("size")) ? undefined : { op: name, size: number("size"), pad: number("pad") };
    case "random_resized_crop": {
      const [low = 0.08, high = 1] = list("scale");
      const [narrow = 3 / 4, wide = 4 / 3] = list("ratio");
      return Number.isNaN(number("size"))
        ? undefined
        : { op: name, size: number("size"), scale: [low, high], ratio: [narrow, wide] };
    }
    case "flip":
      return { op: name, p: number("p") };
    case "rotate":
      return Number.isNaN(number("degrees")) ? undefined : { op: name, degrees: number("degrees") };
    case "color_jitter": {
      const of = (key: string): number => (given.has(key) ? number(key) : number("strength"));
      return { op: name, brightness: of("brightness"), contrast: of("contrast"), saturation: of("saturation") };
    }
    case "noise":
      return Number.isNaN(number("std")) ? undefined : { op: name, std: number("std") };
    case "compress": {
      const [low = 30, high = 95] = list("quality");
      return { op: name, quality: [low, high], p: number("p") };
    }
    case "erase": {
      const [low = 0.02, high = 0.33] = list("scale");
      const [narrow = 0.3, wide = 3.3] = list("ratio");
      return { op: name, p: number("p"), scale: [low, high], ratio: [narrow, wide] };
    }
    case "blur": {
      const [low = 0.1, high = 2] = list("sigma");
      return { op: name, sigma: [low, high], p: number("p") };
    }
    case "posterize":
      return { op: name, bits: number("bits"), p: number("p") };
    case "solarize":
      return { op: name, threshold: number("threshold"), p: number("p") };
    case "rand_augment":
      return { op: name, count: number("count"), strength: number("strength") };
    case "normalize": {
      const perChannel = (values: readonly number[]): number[] =>
        Array.from({ length: channels }, (_, at) => values[at] ?? values[0] ?? 0);
      return { op: name, mean: perChannel(list("mean")), std: perChannel(list("std")) };
    }
    case "trim":
      return Number.isNaN(number("bottom")) ? undefined : { op: name, bottom: number("bottom") };
    case "box":
      return { op: name, pad: number("pad") };
    case "foreground":
    case "grayscale":
    case "invert":
      return { op: name };
    default:
      return undefined;
  }
}
