/** Which tensor of a file fills which weight of a stage: by rules, then by name, then by shape and order. */
import type { GivenTensor } from "../../typed/given-files.js";

export interface WantedWeight {
  /** By slot: `encoder.conv.0.weight`. */
  readonly path: string;
  readonly shape: readonly number[];
}
export interface MapRule {
  readonly from: string;
  /** Undefined where the tensors are left out. */
  readonly to: string | undefined;
}
export interface WeightMap {
  /** Tensor by weight. */
  readonly names: Readonly<Record<string, string>>;
  readonly missing: readonly WantedWeight[];
  readonly unused: readonly GivenTensor[];
  /** Pairs that belong together by rule or name, and whose shapes differ. */
  readonly misfits: readonly { readonly wanted: WantedWeight; readonly given: GivenTensor }[];
  /** Layers of equal shapes whose names do not say in which order they stand. */
  readonly unordered: readonly (readonly string[])[];
  /** What is wrong with a rule, by its place. */
  readonly rules: readonly { readonly rule: number; readonly why: string; readonly path?: string }[];
}

/** A counter of PyTorch's batch norms, which nothing reads. */
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

/** `features.{i}.*`: a name of a tensor, its parts by name or in order; `stars` are the groups of the latter. */
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

/** `encoder.conv.{i-1}.*` with what a pattern matched; undefined where what is counted with is no number. */
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

/** Layers (tensors that share all of their names but the last part) by their leaves and shapes, in the order given. */
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

function leafOf(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** Digits count as numbers: `layer2` before `layer10`. */
function naturally(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** Whether two names are alike but for their numbers: then these tell the order. */
function differInNumbers(a: string, b: string): boolean {
  return a.replace(/\d+/g, "0") === b.replace(/\d+/g, "0");
}
