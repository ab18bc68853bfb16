/** The image transforms of a dataset, and the size of image that a chain of them ends with. */
import type * as ast from "../../../../grammar/ast.js";
import type { ImageSize, SourceForm, Transform } from "../../typed/tree.js";
import type { Scope } from "../core/scope.js";
import { type SettingTable, type Settled, settle } from "../expressions/settings.js";

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
  grayscale: [],
  invert: [],
  normalize: [
    { name: "mean", type: { kind: "reals" }, default: [0.472, 0.453, 0.41] },
    { name: "std", type: { kind: "reals" }, default: [0.277, 0.268, 0.285], min: 0, above: true },
  ],
};
export const transformNames: readonly string[] = Object.keys(transforms);
const random = new Set(["random_crop", "random_resized_crop", "flip", "rotate", "color_jitter", "noise"]);

export interface TransformChain {
  readonly transforms: readonly Transform[];
  /** Undefined where the chain leaves sizes as they come. */
  readonly size: ImageSize | undefined;
}

/** Typed transforms of a `train` or `eval` line; undefined where something in it is wrong. */
export function elaborateTransforms(
  word: "train" | "eval",
  values: readonly ast.Expr[],
  source: Pick<SourceForm, "channels" | "square" | "size">,
  scope: Scope,
): TransformChain | undefined {
  const { checker } = scope;
  const typed: Transform[] = [];
  let complete = true;
  let { channels } = source;
  let square = source.size;
  /** After `resize` alone, the shorter side; the longer is unknown. */
  let shorter: number | undefined;
  let normalized: ast.Span | undefined;
  for (const expr of values) {
    const settled = settle(expr, transforms, "transform", scope);
    if (settled === undefined) {
      complete = false;
      continue;
    }
    if (normalized !== undefined) {
      checker.report(
        "FSL5022",
        expr.span,
        { what: `\`${settled.name}\` comes after \`normalize\`` },
        {
          labels: [{ span: normalized, text: "normalized here" }],
          help: ["put `normalize` last"],
        },
      );
      complete = false;
    }
    if (word === "eval" && random.has(settled.name)) {
      checker.report("FSL5023", expr.span, { name: settled.name });
      complete = false;
    }
    const transform = listsFit(settled, channels, scope) ? transformOf(settled, channels) : undefined;
    if (transform === undefined) {
      complete = false;
      continue;
    }
    const known = square ?? shorter;
    switch (transform.op) {
      case "resize":
        shorter = transform.size;
        if (square !== undefined || source.square) square = transform.size;
        break;
      case "center_crop":
      case "random_crop": {
        const padded = transform.op === "random_crop" ? 2 * transform.pad : 0;
        if (known !== undefined && known + padded < transform.size) {
          checker.report("FSL5022", expr.span, {
            what: `a crop of ${transform.size} does not fit into images of ${known}`,
          });
          complete = false;
        }
        square = transform.size;
        break;
      }
      case "random_resized_crop":
        square = transform.size;
        break;
      case "grayscale":
        channels = 1;
        break;
      case "normalize":
        normalized = expr.span;
        break;
      default:
    }
    typed.push(transform);
  }
  if (!complete) return undefined;
  return { transforms: typed, size: square === undefined ? undefined : { channels, height: square, width: square } };
}

/** Whether lists that were given have the numbers that they need: a range its two ends, statistics one for each channel. */
function listsFit({ given }: Settled, channels: number, { checker }: Scope): boolean {
  let complete = true;
  for (const [name, { value, span }] of given) {
    if (value.kind !== "list") continue;
    const range = name === "scale" || name === "ratio";
    if (!range && name !== "mean" && name !== "std") continue;
    const numbers = value.items.flatMap((item) => (item.kind === "int" || item.kind === "real" ? [item.value] : []));
    const [low = 0, high = 0] = numbers;
    if (range ? numbers.length === 2 && low <= high : numbers.length === 1 || numbers.length === channels) continue;
    const each = channels === 1 ? "one number" : `one number, or one for each of ${channels} channels`;
    checker.report("FSL3009", span, {
      what: `\`${name}\``,
      expected: range ? "two numbers, the smaller one first" : each,
      found: `[${numbers.join(", ")}]`,
    });
    complete = false;
  }
  return complete;
}

function transformOf({ name, args, given }: Settled, channels: number): Transform | undefined {
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
    case "normalize": {
      const fit = (values: readonly number[]): number[] =>
        Array.from({ length: channels }, (_, at) => values[at] ?? values[0] ?? 0);
      return { op: name, mean: fit(list("mean")), std: fit(list("std")) };
    }
    case "grayscale":
    case "invert":
      return { op: name };
    default:
      return undefined;
  }
}
