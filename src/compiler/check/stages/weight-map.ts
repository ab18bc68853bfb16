/** Maps the tensors of a file to the weights of a stage: by rules, then by name, then by shape and order. */
import type { GivenTensor } from "../../typed/given-files.js";

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
  /** The rules that could not be used, by their place in the line. */
  readonly rules: readonly { readonly rule: number; readonly why: string; readonly path?: string }[];
}

/** Matches the counter of a PyTorch batch norm, which nothing reads. */
const ignored = /(^|\.)num_batches_tracked$/;

export function mapWeights(
  wanted: readonly WantedWeight[],
  tensors: readonly GivenTensor[],
  rules: readonly MapRule[],
): WeightMap {
  const given = tensors.filter(({ name }) => !ignored.test(name));
  const byPath = new Map(wanted.map((weight) => [weight.path, weight]));
  const names = new Map<string, string>();
  const taken = new Set<string>();
  const misfits: { wanted: WantedWeight; given: GivenTensor }[] = [];
  const faults: { rule: number; why: string; path?: string }[] = [];
  const assign = (weight: WantedWeight, tensor: GivenTensor): void => {
    taken.add(tensor.name);
    if (!fits(weight, tensor)) misfits.push({ wanted: weight, given: tensor });
    names.set(weight.path, tensor.name);
  };

  rules.forEach(({ from, to }, rule) => {
    const pattern = patternOf(from);
    const matches = given.flatMap((tensor) => {
      const match = taken.has(tensor.name) ? null : pattern.source.exec(tensor.name);
      return match === null ? [] : [{ tensor, match }];
    });
    if (matches.length === 0) faults.push({ rule, why: "matches no tensor of the file" });
    for (const { tensor, match } of matches) {
      taken.add(tensor.name);
      if (to === undefined) continue;
      const path = substitute(to, match, pattern.stars);
      const weight = path === undefined ? undefined : byPath.get(path);
      if (path === undefined) faults.push({ rule, why: `has no number for \`${to}\` in \`${tensor.name}\`` });
      else if (weight === undefined) {
        faults.push({ rule, why: `makes \`${path}\` of \`${tensor.name}\`, which is no weight to fill`, path });
      } else if (names.has(path)) faults.push({ rule, why: `fills \`${path}\` a second time` });
      else assign(weight, tensor);
    }
  });

  for (const weight of wanted.filter(({ path }) => !names.has(path))) {
    const bare = weight.path.slice(weight.path.indexOf(".") + 1);
    const tensor = given.find(({ name }) => !taken.has(name) && (name === weight.path || name === bare));
    if (tensor !== undefined) assign(weight, tensor);
  }

  const unordered: string[][] = [];
  const layers = bySignature(wanted.filter(({ path }) => !names.has(path)).map((w) => ({ ...w, name: w.path })));
  const theirs = bySignature(given.filter(({ name, numeric }) => numeric && !taken.has(name)));
  for (const [signature, needed] of layers) {
    const found = [...(theirs.get(signature) ?? [])].sort((a, b) => naturally(a.name, b.name));
    if (found.length !== needed.length) continue;
    const vague = found.filter((layer, i) => i > 0 && !differInNumbers(found[i - 1]?.name ?? "", layer.name));
    if (vague.length > 0) {
      unordered.push(found.map(({ name }) => name));
      continue;
    }
    needed.forEach((layer, i) => {
      for (const weight of layer.weights) {
        const tensor = found[i]?.weights.find((other) => leafOf(other.name) === leafOf(weight.path));
        if (tensor !== undefined) assign(weight, tensor);
      }
    });
  }

  return {
    names: Object.fromEntries(names),
    missing: wanted.filter(({ path }) => !names.has(path)),
    unused: given.filter(({ name }) => !taken.has(name)),
    misfits,
    unordered,
    rules: faults,
  };
}

function fits({ shape }: WantedWeight, tensor: GivenTensor): boolean {
  return tensor.numeric && tensor.shape.join() === shape.join();
}

/** Returns the pattern of a rule such as `features.{i}.*`. Braces match by name, and `stars` are the groups of the stars in order. */
function patternOf(text: string): { readonly source: RegExp; readonly stars: readonly number[] } {
  const names = new Set<string>();
  const stars: number[] = [];
  const source = text.replace(/\*\*|\*|\{(\w+)\}|[^*{]+|\{/g, (part, name: string | undefined) => {
    if (part === "**" || part === "*") {
      stars.push(names.size + stars.length + 1);
      return part === "**" ? "(.+)" : "([^.]*)";
    }
    if (name === undefined || !/^[A-Za-z]\w*$/.test(name)) return part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&");
    if (names.has(name)) return `\\k<${name}>`;
    names.add(name);
    return `(?<${name}>[^.]+?)`;
  });
  return { source: new RegExp(`^${source}$`), stars };
}

/** Returns `encoder.conv.{i-1}.*` with the parts that a pattern matched, or undefined if a part that is counted with is no number. */
function substitute(text: string, match: RegExpExecArray, stars: readonly number[]): string | undefined {
  let star = 0;
  let complete = true;
  const made = text.replace(
    /\*\*|\*|\{(\w+?)(?:([+-])(\d+))?\}/g,
    (part, name?: string, sign?: string, by?: string) => {
      if (name === undefined) return match[stars[star++] ?? -1] ?? part;
      const value = match.groups?.[name];
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
    layers.set(layer, [...(layers.get(layer) ?? []), weight]);
  }
  const groups = new Map<string, LayerOf<T>[]>();
  for (const [name, own] of layers) {
    const signature = own
      .map((weight) => `${leafOf(weight.name)} ${weight.shape.join("×")}`)
      .sort()
      .join(", ");
    groups.set(signature, [...(groups.get(signature) ?? []), { name, weights: own }]);
  }
  return groups;
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
