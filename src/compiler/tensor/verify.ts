/** Checks of a whole program. They run after every pass in tests, and before an engine takes a program. */
import { CompilerBug } from "../../common/bug.js";
import type { Node, Program, ProgramInput } from "./ir.js";
import { inferType, sameShape, typeText } from "./shape.js";

/** @throws CompilerBug that names the first mistake of the program. */
export function verify(program: Program): void {
  const fail = (why: string): never => {
    throw new CompilerBug(`${program.name}: ${why}`);
  };
  const nodes = visit(
    program.outputs.map((output) => output.node),
    fail,
  );
  const listed = new Map<Node, ProgramInput>(program.inputs.map((input) => [input.node, input]));
  for (const node of nodes) {
    const { shape, dtype } = inferType(node.op, node.inputs, node.attrs);
    if (dtype !== node.dtype || !sameShape(shape, node.shape))
      fail(`${node.op} ${node.id} says ${typeText(node)}, is ${typeText({ shape, dtype })}`);
    if (node.op === "input" && !listed.has(node)) fail(`input ${node.attrs.name} is used but not listed`);
  }
  unique(program.inputs, "inputs", fail);
  unique(program.outputs, "outputs", fail);
  for (const input of program.inputs)
    if (input.node.op !== "input" || input.node.attrs.name !== input.name)
      fail(`input ${input.name} is the node of another`);
  checkState(program, fail);
}

/** Checks that each state input names an output of its type as its successor, and that no two name the same one. */
function checkState(program: Program, fail: (why: string) => never): void {
  const outputs = new Map(program.outputs.map((output) => [output.name, output]));
  const followed = new Set<string>();
  for (const { name, node, role, next } of program.inputs) {
    if (role !== "state") {
      if (next !== undefined) fail(`${role} ${name} names a successor`);
      continue;
    }
    const output = outputs.get(next ?? "");
    if (!next || output === undefined) fail(`state ${name} is followed by no output`);
    else if (output.role !== "state") fail(`state ${name} is followed by ${output.role} output ${next}`);
    else if (typeText(output.node) !== typeText(node))
      fail(`state ${name} is ${typeText(node)}, its successor ${typeText(output.node)}`);
    else if (followed.has(next)) fail(`output ${next} follows two states`);
    else followed.add(next);
  }
  for (const { name, role } of program.outputs)
    if (role === "state" && !followed.has(name)) fail(`state output ${name} follows no input`);
}

function unique(named: readonly { readonly name: string }[], what: string, fail: (why: string) => never): void {
  const names = new Set<string>();
  for (const { name } of named) {
    if (names.has(name)) fail(`two ${what} are named ${name}`);
    names.add(name);
  }
}

/** Returns every node that `roots` depend on, operands first. It does not trust ids, so it finds a cycle and ends. */
function visit(roots: readonly Node[], fail: (why: string) => never): Node[] {
  const done = new Set<Node>();
  const open = new Set<Node>();
  const stack = [...roots];
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    const waiting = node.inputs.filter((input) => !done.has(input));
    if (done.has(node) || waiting.length === 0) {
      stack.pop();
      open.delete(node);
      done.add(node);
      continue;
    }
    if (waiting.some((input) => open.has(input))) fail(`${node.op} ${node.id} depends on itself`);
    open.add(node);
    stack.push(...waiting);
  }
  return [...done];
}
