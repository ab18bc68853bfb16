/** Programs as text: one node a line, in the order of emission, under the line of source that it comes from. */
import type { Span } from "../../../grammar/ast.js";
import type { Node, Program } from "./ir.js";
import { schedule } from "./schedule.js";
import { typeText } from "./shape.js";

export interface PrintOptions {
  /** Returns the text of a source file, for the comments that name lines. Without it they name offsets. */
  readonly source?: (file: string) => string | undefined;
}

/** The number of elements of a constant that are shown. */
const shownElements = 6;

/** Returns a program as text. */
export function print(program: Program, { source }: PrintOptions = {}): string {
  const order = schedule(program.outputs.map((output) => output.node));
  const unused = program.inputs.filter(({ node }) => !order.includes(node));
  const numbers = new Map(order.map((node, place) => [node, `%${place}`]));
  const inputs = new Map<Node, string>(
    program.inputs.map(({ node, role, next }) => [node, next ? `${role} → ${next}` : role]),
  );
  const lines = [`program ${program.name} {`];
  let place: string | undefined;
  for (const node of order) {
    const from = node.span && where(node.span, source);
    if (from !== place) lines.push(`  // ${from ?? "no line of source"}`);
    place = from;
    const operands = node.inputs.map((input) => numbers.get(input)).join(", ");
    const words = [node.op, operands, attributes(node)].filter((word) => word !== "").join(" ");
    const role = inputs.get(node);
    lines.push(`  ${numbers.get(node)}: ${typeText(node)} = ${words}${role ? `  // ${role}` : ""}`);
  }
  for (const { name, role } of unused) lines.push(`  // ${role} ${name} is not used`);
  for (const { name, node, role } of program.outputs) lines.push(`  ${role} ${name} = ${numbers.get(node)}`);
  return `${lines.join("\n")}\n}\n`;
}

function attributes(node: Node): string {
  if (node.op === "input") return node.attrs.name;
  if (node.op === "const") {
    const { data } = node.attrs;
    const shown = Array.from(data.slice(0, shownElements), valueText).join(", ");
    return data.length > shownElements ? `${shown}, …` : shown;
  }
  const entries = Object.entries(node.attrs).filter(([name]) => name !== "shape" && name !== "dtype");
  return entries.length === 0 ? "" : `{${entries.map(([name, value]) => `${name}: ${valueText(value)}`).join(", ")}}`;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  return Object.is(value, -0) ? "-0" : String(value);
}

/** Returns the file and line of a span, with the text of the line. */
function where({ file, start }: Span, source: PrintOptions["source"]): string {
  const text = source?.(file);
  if (text === undefined) return `${file}@${start}`;
  const line = text.slice(0, start).split("\n").length;
  return `${file}:${line}  ${text.split("\n")[line - 1]?.trim() ?? ""}`;
}
