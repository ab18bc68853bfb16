/** The reason, for a message, why the tensors of a file do not fill the weights of a stage. */
import type { GivenTensor } from "../../typed/given-files.js";
import type { WeightMap } from "./weight-map.js";

export interface WeightProblem {
  readonly why: string;
  readonly help?: readonly string[];
}

/** The most weights, and the most tensors, that a message lists. A ResNet-12 has 80, with its running statistics. */
const mostListed = 100;
/** The most that stand on one line. */
const mostOnLine = 4;

/** Returns why a file does not give a stage all `wanted` weights, or undefined if it does. */
export function weightProblem(map: WeightMap, wanted: number): WeightProblem | undefined {
  const { missing, unused, misfits, unordered } = map;
  const [first] = misfits;
  if (first !== undefined) {
    const [needed, has] = [first.wanted.shape, first.given.shape].map((shape) => shapeText(shape));
    return {
      why: `\`${first.wanted.path}\` is ${needed}, and \`${first.given.name}\` is ${first.given.numeric ? has : "of no type for weights"}`,
      help: [],
    };
  }
  if (missing.length > 0) {
    const why =
      missing.length === wanted
        ? "none of its weights has a tensor"
        : `${missing.length} of ${wanted} weights have no tensor`;
    return {
      why,
      help: [
        `the stage needs:${list(missing.map(({ path, shape }) => `\`${path}\` ${shapeText(shape)}`))}`,
        ...(unused.length === 0 ? [] : [`left in the file:${list(unused.map(tensorText))}`]),
        ...unordered
          .slice(0, 1)
          .map(
            (names) =>
              `write rules, because these names do not tell their order:${list(names.map((name) => `\`${name}\``))}`,
          ),
      ],
    };
  }
  if (unused.length === 0) return undefined;
  const [one] = unused;
  return {
    why: `${unused.length === 1 ? "a tensor" : `${unused.length} tensors`} of it would not be used`,
    help: [
      `these are left:${list(unused.map(tensorText))}`,
      `if that is meant: \`{ "${unused.length === 1 ? one?.name : commonPattern(unused)}" -> unused }\``,
    ],
  };
}

/** Returns a pattern for all of these tensors: that of their first part if they share it. */
function commonPattern(tensors: readonly GivenTensor[]): string {
  const [first = ""] = tensors.map(({ name }) => name.split(".")[0] ?? "");
  return tensors.every(({ name }) => name.startsWith(`${first}.`)) ? `${first}.**` : "**";
}

/** Lists texts after a colon, in the order of their names: a few on its line, and more of them one below the other. */
function list(texts: readonly string[]): string {
  const sorted = [...texts].sort(byName.compare);
  if (sorted.length <= mostOnLine) return ` ${sorted.join(", ")}`;
  const rest = sorted.length - mostListed;
  const shown = rest > 0 ? [...sorted.slice(0, mostListed), `and ${rest} more`] : sorted;
  return shown.map((text) => `\n  ${text}`).join("");
}

/** Orders `conv.2` before `conv.10`. */
const byName = new Intl.Collator("en", { numeric: true });

const shapeText = (shape: readonly number[]): string => (shape.length === 0 ? "a number" : shape.join("×"));
const tensorText = ({ name, shape }: GivenTensor): string => `\`${name}\` ${shapeText(shape)}`;
