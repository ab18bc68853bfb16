/** The lowering table from the ops of the IR to TensorFlow. A missing rule is a compile error. */
import type { Node, OpName } from "../../../../compiler/tensor/ir.js";
import type { Emitter, Value } from "../emitter.js";
import { conv } from "./conv.js";
import { elementwise } from "./elementwise.js";
import { linear } from "./linear.js";
import { norm } from "./norm.js";
import type { Rules } from "./rule.js";
import { structure } from "./structure.js";
import { window } from "./window.js";

const rules: Rules<OpName> = { ...elementwise, ...structure, ...linear, ...conv, ...window, ...norm };

export function lowerNode<K extends OpName>(e: Emitter, node: Node<K>): Value {
  const rule = rules[node.op as K] as (e: Emitter, node: Node<K>) => Value;
  return rule(e, node);
}
