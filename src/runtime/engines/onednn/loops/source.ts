/** Turns a loop's body into a JavaScript function. Functions with the same text are made once, so that V8 compiles them once. */
import { erf } from "../../../../common/error-function.js";
import { type Affine, text } from "./affine.js";
import type { Body, Load } from "./body.js";

export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array | Float64Array;
export type Kernel = (...arrays: readonly TypedArray[]) => void;

const made = new Map<string, Kernel>();

function compile(arrays: number, code: string): Kernel {
  const known = made.get(code);
  if (known !== undefined) return known;
  const parameters = Array.from({ length: arrays }, (_, place) => `a${place}`);
  const make = new Function("erf", `"use strict";return function(${parameters.join()}){${code}}`);
  const kernel = make(erf) as Kernel;
  made.set(code, kernel);
  return kernel;
}

/** Merges neighboring loops in which every place moves as in one longer loop. Returns the sizes and the places of the merged loops. */
function merge(sizes: readonly number[], places: readonly Affine[]): { sizes: number[]; places: Affine[] } {
  const merged = {
    sizes: [...sizes],
    places: places.map(({ by, at }) => ({ by: sizes.map((_, i) => by[i] ?? 0), at })),
  };
  for (let loop = merged.sizes.length - 2; loop >= 0; loop--) {
    const inner = merged.sizes[loop + 1] ?? 1;
    if (!merged.places.every(({ by }) => by[loop] === (by[loop + 1] ?? 0) * inner)) continue;
    merged.sizes.splice(loop, 2, (merged.sizes[loop] ?? 1) * inner);
    for (const { by } of merged.places) by.splice(loop, 1);
  }
  return merged;
}

interface Nest {
  /** The loops without the innermost one, opened. */
  readonly opening: string;
  /** The innermost loop with its body, to be followed by what it does with the value. */
  readonly inner: (act: string) => string;
  readonly closing: string;
  /** The place that is written, as JavaScript within the innermost loop. */
  readonly target: string;
  /** The place that is written, as JavaScript outside of the innermost loop, if it does not depend on it. */
  readonly outerTarget: string | undefined;
  /** True if the place that is written moves with every loop but the innermost one. */
  readonly eachOnce: boolean;
}

/**
 * Divides the lines of a body into those that are the same in every turn of the innermost loop, which stand before it, and the others. V8
 * does not do this for loads, because it cannot know that the loop writes to other memory.
 */
function hoisted(
  lines: readonly { readonly line: string; readonly moves: boolean }[],
  innermost: number,
): { readonly fixed: string; readonly statements: string } {
  const index = new RegExp(`\\bi${innermost}\\b`);
  const moving = new Set<string>();
  const [fixed, rest]: [string[], string[]] = [[], []];
  for (const { line, moves } of lines) {
    const [name = "", ...used] = line.match(/\bv\d+\b/g) ?? [];
    const isFixed = innermost >= 0 && !moves && !index.test(line) && !used.some((each) => moving.has(each));
    if (!isFixed) moving.add(name);
    (isFixed ? fixed : rest).push(line);
  }
  return { fixed: fixed.join("\n"), statements: rest.join("\n") };
}

/** Writes the loops around a body. `fixed` tells that the body uses indices themselves, so that no loops may be merged. */
function nest(body: Body, target: Affine): Nest {
  const loads = body.lines.filter((line): line is Load => typeof line !== "string");
  const usesIndices = body.lines.some((line) => typeof line === "string" && /\bi\d/.test(line));
  const before = [target, ...loads.map(({ place }) => place)];
  const { sizes, places } = usesIndices ? { sizes: [...body.sizes], places: before } : merge(body.sizes, before);
  const last = sizes.length - 1;
  const isOuter = (loop: number): boolean => loop !== last;
  const base = (place: number): string => (last < 0 ? String(places[place]?.at ?? 0) : `p${place}`);
  const moving = (place: number): string => {
    const step = last < 0 ? 0 : (places[place]?.by[last] ?? 0);
    if (step === 0) return base(place);
    return `${base(place)}+${step === 1 ? `i${last}` : `i${last}*${step}`}`;
  };
  const bases = last < 0 ? "" : places.map((place, i) => `const p${i}=${text(place, isOuter)};`).join("");
  let seen = 0;
  const lines = body.lines.map((line) => {
    if (typeof line === "string") return { line, moves: false };
    const at = moving(++seen);
    const place = line.dynamic === undefined ? at : `${at}+${line.dynamic}`;
    return { line: `const ${line.name}=a${line.array}[${place}];`, moves: at !== base(seen) };
  });
  const { fixed, statements } = hoisted(lines, last);
  const loop = (i: number): string => `for(let i${i}=0;i${i}<${sizes[i]};i${i}++){`;
  const outer = sizes.slice(0, -1);
  const step = last < 0 ? 0 : (places[0]?.by[last] ?? 0);
  const outerSteps = outer.map((_, i) => places[0]?.by[i] ?? 0);
  return {
    opening: `${outer.map((_, i) => loop(i)).join("")}${bases}${fixed}`,
    inner: (act) => (last < 0 ? `${statements}\n${act}` : `${loop(last)}\n${statements}\n${act}\n}`),
    closing: "}".repeat(outer.length),
    target: moving(0),
    outerTarget: step === 0 ? base(0) : undefined,
    eachOnce: outerSteps.every((by) => by !== 0),
  };
}

/** Returns a kernel that writes `value` to each place `target` of the last array. */
export function elementwise(body: Body, value: string, target: Affine, arrays: number): Kernel {
  const { opening, inner, closing, target: at } = nest(body, target);
  return compile(arrays, `${opening}${inner(`a${arrays - 1}[${at}]=${value};`)}${closing}`);
}

export interface Reduction {
  readonly start: string;
  /** Adds a value to an accumulator, as JavaScript. */
  readonly combine: (accumulator: string, value: string) => string;
}

/**
 * Returns a kernel that combines all values with one target. Accumulators are 64-bit numbers, so that long sums are accurate. If a
 * target is visited more than once, they are in the array before the last one, which holds `count` numbers.
 */
export function reduction(
  body: Body,
  value: string,
  target: Affine,
  { arrays, count, rule }: { readonly arrays: number; readonly count: number; readonly rule: Reduction },
): Kernel {
  const { opening, inner, closing, target: at, outerTarget, eachOnce } = nest(body, target);
  const [sums, result] = [`a${arrays - 2}`, `a${arrays - 1}`];
  if (outerTarget !== undefined && eachOnce) {
    const code = `${opening}let s=${rule.start};${inner(`s=${rule.combine("s", value)};`)}${result}[${outerTarget}]=s;${closing}`;
    return compile(arrays, code);
  }
  const visit =
    outerTarget === undefined
      ? inner(`const t=${at};${sums}[t]=${rule.combine(`${sums}[t]`, value)};`)
      : `let s=${rule.start};${inner(`s=${rule.combine("s", value)};`)}${sums}[${outerTarget}]=${rule.combine(`${sums}[${outerTarget}]`, "s")};`;
  const code = `${sums}.fill(${rule.start});${opening}${visit}${closing}for(let j=0;j<${count};j++)${result}[j]=${sums}[j];`;
  return compile(arrays, code);
}
