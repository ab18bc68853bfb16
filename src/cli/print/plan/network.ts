/** The table of a network's layers. */
import type { NetworkPlan } from "../../../compiler/stages/index.js";
import { count, shorten } from "../../view/format.js";
import { table } from "../table.js";
import type { PrintContext } from "./context.js";
import { axesText, opText, parametersCell, parametersText, sizesText } from "./text.js";

/** Lists a network's layers. If an earlier stage has the same network, one line says so. */
export function networkLines(n: NetworkPlan, stage: string, context: PrintContext): string[] {
  const { paint, seen, width, tableWidth } = context;
  const origin = n.from === undefined ? "" : `, ${n.frozen ? "frozen " : ""}from ${n.from.stage}.${n.from.slot}`;
  const size = parametersText(n.parameters);
  const sees = [
    ...(n.sampled ? ["sampled"] : []),
    ...(n.transductive ? ["transductive"] : []),
    ...(n.assumes ?? []).map((a) => `assumes ${a}`),
  ];
  const title = `  ${n.slot} ${paint.bold(n.name ?? "of the loss")}${origin}, ${[...sees, size].join(", ")}`;
  const learned = n.learned.map(({ path, shape, fixed }) => [
    path,
    fixed === true ? "fixed" : "learned",
    sizesText(shape),
    fixed === true ? "" : count(product(shape)),
  ]);
  if (n.layers.length + learned.length === 0) return ["", title];
  const same = JSON.stringify([n.layers, n.learned, n.input]);
  const before = seen.get(same);
  if (before !== undefined) return ["", `${title}, layers as in ${before}`];
  seen.set(same, stage);

  const rows = n.layers.map((layer) => [
    `${"  ".repeat(layer.depth)}${layer.path}`,
    opText(layer.op),
    `${axesText(layer.output)}${layer.as === undefined ? "" : ` as ${layer.as}`}`,
    parametersCell(layer.parameters),
  ]);
  const input = n.input === undefined ? [] : [["", "input", axesText(n.input), ""]];
  const { cells, long } = fitColumns([...input, ...rows, ...learned], width - 2 - 6);
  const lines = table(["layer", "", "output", "parameters"], cells, {
    align: ["left", "left", "left", "right"],
    indent: 2,
    width: tableWidth,
  }).split("\n");
  const headLines = lines.length - cells.length;
  const withPaths = lines.flatMap((line, i) => {
    const path = long.get(i - headLines);
    return path === undefined ? [line] : [`  ${path}`, line];
  });
  return ["", title, withPaths.join("\n")];
}

/**
 * Shortens descriptions until rows of four cells fit. A path is never shortened, because rules for weights are written from it: one that
 * does not fit into its column is returned in `long`, by its row, and stands on a line of its own.
 */
function fitColumns(rows: readonly (readonly string[])[], width: number) {
  const widest = (i: number, least: number): number => Math.max(least, ...rows.map((r) => [...(r[i] ?? "")].length));
  let over = widest(0, 5) + widest(1, 0) + widest(2, 6) + widest(3, 10) - width;
  const [pathLimit = 0, textLimit = 0] = [0, 1].map((i) => {
    const limit = Math.max(14, widest(i, 0) - Math.max(0, over));
    over -= widest(i, 0) - limit;
    return limit;
  });
  const long = new Map<number, string>();
  const cells = rows.map(([path = "", text = "", ...rest], i) => {
    const fits = path.length <= pathLimit;
    if (!fits) long.set(i, path);
    return [fits ? path : "", shorten(text, textLimit), ...rest];
  });
  return { cells, long };
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
