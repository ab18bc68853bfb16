/** Maps the tensors of a file to the weights of a stage: by rules, then by name, then by shape and order. */
import { canFill, type GivenTensor } from "../../typed/given-files.js";
import { type NameMatch, WeightPattern } from "./weight-pattern.js";

export interface WantedWeight {
  /** The path with the slot: `encoder.conv.0.weight`. */
  readonly path: string;
  readonly shape: readonly number[];
}
export interface MapRule {
  readonly from: string;
  /** The path of the weight, or undefined for tensors that are not used. */
  readonly to: string | undefined;
}
export interface WeightMap {
  /** The name of the tensor for each weight. */
  readonly names: Readonly<Record<string, string>>;
  readonly missing: readonly WantedWeight[];
  readonly unused: readonly GivenTensor[];
  /** The pairs that a rule or a name makes although their shapes differ. */
  readonly misfits: readonly { readonly wanted: WantedWeight; readonly given: GivenTensor }[];
  /** The layers of equal shapes whose names do not tell their order. */
  readonly unordered: readonly (readonly string[])[];
  /** The reasons why the first rule that could not be used could not, by its place in the line. */
  readonly rules: readonly { readonly rule: number; readonly why: string; readonly path?: string }[];
}

/** Matches the counter of a PyTorch batch norm, which nothing reads. */
const ignored = /(^|\.)num_batches_tracked$/;

/** Maps tensors to weights: first by the rules in their order, then by equal names, then by shapes and the order of names. */
export function mapWeights(
  wanted: readonly WantedWeight[],
  tensors: readonly GivenTensor[],
  rules: readonly MapRule[],
): WeightMap {
  const mapping = new Mapping(
    wanted,
    tensors.filter(({ name }) => !ignored.test(name)),
  );
  for (const [at, rule] of rules.entries()) {
    mapping.applyRule(rule, at);
    // Only the first faulty rule is reported, and a file may have very many tensors for each of very many rules.
    if (mapping.hasFaultyRule) break;
  }
  mapping.matchNames();
  mapping.matchShapes();
  return mapping.result();
}

class Mapping {
  private readonly names = new Map<string, string>();
  private readonly taken = new Set<string>();
  private readonly misfits: { readonly wanted: WantedWeight; readonly given: GivenTensor }[] = [];
  private readonly faults: { readonly rule: number; readonly why: string; readonly path?: string }[] = [];
  private readonly unordered: string[][] = [];

  constructor(
    private readonly wanted: readonly WantedWeight[],
    private readonly given: readonly GivenTensor[],
  ) {}

  result(): WeightMap {
    return {
      names: Object.fromEntries(this.names),
      missing: this.missing(),
      unused: this.unused(),
      misfits: this.misfits,
      unordered: this.unordered,
      rules: this.faults,
    };
  }

  get hasFaultyRule(): boolean {
    return this.faults.length > 0;
  }

  private missing(): WantedWeight[] {
    return this.wanted.filter(({ path }) => !this.names.has(path));
  }

  private unused(): GivenTensor[] {
    return this.given.filter(({ name }) => !this.taken.has(name));
  }

  private assign(weight: WantedWeight, tensor: GivenTensor): void {
    this.taken.add(tensor.name);
    if (!hasShapeOf(tensor, weight)) this.misfits.push({ wanted: weight, given: tensor });
    this.names.set(weight.path, tensor.name);
  }

  /** Maps every tensor that the rule matches and no rule before it has taken. */
  applyRule({ from, to }: MapRule, rule: number): void {
    const pattern = new WeightPattern(from);
    const matches = this.unused().flatMap((tensor) => {
      const match = pattern.match(tensor.name);
      return match === undefined ? [] : [{ tensor, match }];
    });
    if (pattern.isTooHard) {
      this.faults.push({ rule, why: "has too many ways to match the names of the file: write fewer stars" });
      return;
    }
    if (matches.length === 0) this.faults.push({ rule, why: "matches no tensor of the file" });
    for (const { tensor, match } of matches) {
      this.taken.add(tensor.name);
      if (to === undefined) continue;
      const path = substitute(to, match);
      const weight = this.wanted.find((each) => each.path === path);
      if (path === undefined) {
        this.faults.push({ rule, why: `has no number for \`${to}\` in \`${tensor.name}\`` });
      } else if (weight === undefined) {
        this.faults.push({ rule, why: `makes \`${path}\` of \`${tensor.name}\`, which is no weight to fill`, path });
      } else if (this.names.has(path)) this.faults.push({ rule, why: `fills \`${path}\` a second time` });
      else this.assign(weight, tensor);
    }
  }

  /** Maps tensors that have the path of a weight as name, with or without the slot. */
  matchNames(): void {
    for (const weight of this.missing()) {
      const bare = weight.path.slice(weight.path.indexOf(".") + 1);
      const tensor = this.unused().find(({ name }) => name === weight.path || name === bare);
      if (tensor !== undefined) this.assign(weight, tensor);
    }
  }

  /** Maps layers of equal shapes in their order, if the file has as many and the numbers in their names tell their order. */
  matchShapes(): void {
    const layers = bySignature(this.missing().map((weight) => ({ ...weight, name: weight.path })));
    const theirs = bySignature(this.unused().filter(({ numeric }) => numeric));
    for (const [signature, needed] of layers) {
      const found = [...(theirs.get(signature) ?? [])].sort((a, b) => naturally(a.name, b.name));
      if (found.length !== needed.length) continue;
      if (found.some((layer, i) => i > 0 && !differInNumbers(found[i - 1]?.name ?? "", layer.name))) {
        this.unordered.push(found.map(({ name }) => name));
        continue;
      }
      needed.forEach((layer, i) => {
        for (const weight of layer.weights) {
          const tensor = found[i]?.weights.find((other) => leafOf(other.name) === leafOf(weight.path));
          if (tensor !== undefined) this.assign(weight, tensor);
        }
      });
    }
  }
}

function hasShapeOf(tensor: GivenTensor, { shape }: WantedWeight): boolean {
  return tensor.numeric && canFill(tensor.shape, shape);
}

/**
 * Returns the sizes of a shape as a text by which layers are told apart. A single number is one in every shape: PyTorch has
 * `[]`, `[1]` and `[1, 1]` for it. Other axes of size 1 count here, so that a 1 × 1 convolution is not taken for a linear layer.
 */
function sizesOf(shape: readonly number[]): string {
  return shape.every((size) => size === 1) ? "" : shape.join("×");
}

/** Returns `encoder.conv.{i-1}.*` with the parts that a pattern matched, or undefined if a part that is counted with is no number. */
function substitute(text: string, match: NameMatch): string | undefined {
  let star = 0;
  let complete = true;
  const made = text.replace(
    /\*\*|\*|\{(\w+?)(?:([+-])(\d+))?\}/g,
    (part, name?: string, sign?: string, by?: string) => {
      if (name === undefined) return match.stars[star++] ?? part;
      const value = match.parts.get(name);
      if (value === undefined) {
        complete = false;
        return part;
      }
      if (sign === undefined) return value;
      const count = Number(value) + (sign === "-" ? -Number(by) : Number(by));
      if (!Number.isInteger(count)) complete = false;
      return String(count);
    },
  );
  return complete ? made : undefined;
}

interface LayerOf<T> {
  readonly name: string;
  readonly weights: readonly T[];
}

/** Groups layers by the leaves and shapes of their tensors, in the given order. A layer is the tensors that share all but the last part of their names. */
function bySignature<T extends { readonly name: string; readonly shape: readonly number[] }>(
  weights: readonly T[],
): Map<string, LayerOf<T>[]> {
  const layers = new Map<string, T[]>();
  for (const weight of weights) {
    const layer = weight.name.slice(0, -leafOf(weight.name).length - 1);
    append(layers, layer, weight);
  }
  const groups = new Map<string, LayerOf<T>[]>();
  for (const [name, own] of layers) {
    const signature = own
      .map((weight) => `${leafOf(weight.name)} ${sizesOf(weight.shape)}`)
      .sort()
      .join(", ");
    append(groups, signature, { name, weights: own });
  }
  return groups;
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Returns the last part of a name: `weight`. */
function leafOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** Compares names with their digits as numbers: `layer2` is before `layer10`. */
function naturally(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Returns whether two names differ only in their numbers, which then tell their order. */
function differInNumbers(a: string, b: string): boolean {
  return a.replace(/\d+/g, "0") === b.replace(/\d+/g, "0");
}
