/** Names, methods and arguments that Python and its libraries have, each with what FSL writes in their place. */
import type * as ast from "../../../../grammar/ast.js";
import { own } from "../../../common/own.js";
import type { Scope } from "../core/scope.js";
import { unitOf, type Value } from "../core/values.js";
import { builtinOf } from "./builtins/table.js";

const library =
  "methods are written in FSL itself, with axes by name: `mean(x over shot)`, `squared_distance(a, b over feature)`";
const names: Readonly<Record<string, string>> = {
  True: "write `true`",
  False: "write `false`",
  None: "leave the argument or line out: there is no empty value",
  null: "leave the argument or line out: there is no empty value",
  len: "`size(shot)` is the size of an axis",
  range: "`repeat 5 from u = x { … }` is a loop, `position(item)` gives the numbers 0, 1, 2, … along an axis",
  print: "a `report` line of an `evaluate` stage says what is printed and stored",
  return: "remove the word: the last line of a body is its value",
  self: "a method has no object: it sees its own parameters and learned values by name",
  torch: library,
  np: library,
  numpy: library,
  nn: library,
  F: library,
  tf: library,
  jnp: library,
};

const shapes =
  "axes have names and no order, so there is nothing to reshape: `merge(x, [way, shot] as item)` and `split(x, item as [way, shot])` change them";
/** Members of tensors, by their names in PyTorch and NumPy. A function of these libraries may be called as a member too. */
const methods: Readonly<Record<string, string>> = {
  T: "axes have names and no order, so nothing is transposed; `x[a as b]` renames one",
  t: "axes have names and no order, so nothing is transposed; `x[a as b]` renames one",
  transpose: "axes have names and no order, so nothing is transposed; `x[a as b]` renames one",
  permute: "axes have names and no order, so nothing is transposed; `x[a as b]` renames one",
  flatten: shapes,
  unsqueeze: "values align by the names of their axes, so no axis of size 1 is needed",
  squeeze: "values align by the names of their axes, so no axis of size 1 is needed",
  expand: "values align by the names of their axes, so no axis of size 1 is needed",
  repeat: "values align by the names of their axes, so none is repeated",
  shape: "`size(shot)` is the size of an axis",
  size: "`size(shot)` is the size of an axis",
  cuda: "`fslc run --device gpu` chooses the device",
  cpu: "`fslc run --device cpu` chooses the device",
  to: "`fslc run --device gpu` chooses the device",
  item: "a value without axes is a number already",
};

const product = "write `dot(a, b over feature)`, with the axis that is summed over";
const distance = "write `squared_distance(a, b over feature)`; its `sqrt` is the distance itself";
const similarity = 'write `cosine(a, b over feature)`, with `import { cosine } from "fsl:functions"`';
const join = "write `concat(a, b along item)`, with the axis along which they are joined";
const sorted = "write `top(3, x over way as best)` for the largest elements";
const inverse = "write `solve(A, B over i)` for the inverse of A times B";
const loss = "write `cross_entropy(z, label(way))` with the logits z";
/** Functions of PyTorch and NumPy that FSL writes in another way, by the names under which they are called. */
const functions: Readonly<Record<string, string>> = {
  einsum: product,
  matmul: product,
  mm: product,
  bmm: product,
  cdist: distance,
  euclidean: distance,
  euclidean_distance: distance,
  euclidean_dist: distance,
  pairwise_distance: distance,
  cosine_similarity: similarity,
  cat: join,
  stack: join,
  topk: sorted,
  sort: sorted,
  argsort: sorted,
  inverse,
  inv: inverse,
  pinv: inverse,
  nll_loss: loss,
  mse_loss: "write `mean(squared_distance(a, b over feature) over all)`",
  where: "write `if a > b { x } else { y }`, which chooses element by element",
  gather: "write `pick(x, y over way)`, with the label y",
  clamp: "write `max(x, 0)` or `min(x, 1)`",
  softplus: "write `log(1 + exp(x))`",
  square: "write `x ^ 2`",
  pow: "write `x ^ 2`",
  norm: "write `sqrt(sum(x * x over feature))`; `normalize(x over feature)` divides by it",
  var: "write it out: `mean(x * x over shot) - mean(x over shot) ^ 2`",
  std: "write it out: `sqrt(mean(x * x over shot) - mean(x over shot) ^ 2)`",
  arange: "`position(item)` gives the numbers 0, 1, 2, … along an axis",
  rand: "write `uniform()`",
  reshape: shapes,
  view: shapes,
  no_grad: "write `stop_gradient(x)`",
  detach: "write `stop_gradient(x)`",
};
const axisArguments = ["dim", "axis", "dims", "axes", "keepdim", "keepdims"];

/** Reports a name that Python or one of its libraries has. Returns false if it is none. */
export function reportForeignName(
  { text, span }: Pick<ast.NameExpr, "text" | "span">,
  { checker }: Pick<Scope, "checker">,
): boolean {
  const help = own(names, text) ?? own(functions, text);
  if (help !== undefined) checker.report("FSL1024", span, { what: `FSL has no \`${text}\`` }, { help: [help] });
  return help !== undefined;
}

/** Reports `x.mean(dim=1)` and `x.shape`: a tensor has no members. Returns false if the object is none. */
export function reportForeignMember(object: Value, { member }: ast.MemberExpr, scope: Scope): boolean {
  if (object.kind !== "tensor") return false;
  const usage = builtinOf(member.text)?.usage;
  const help =
    own(methods, member.text) ??
    own(functions, member.text) ??
    (usage === undefined ? "functions take the value: `mean(x over shot)`" : `write \`${usage}\``);
  scope.checker.report(
    "FSL1024",
    member.span,
    { what: `a value has no members such as \`.${member.text}\`` },
    { help: [help] },
  );
  return true;
}

/** Reports `mean(x, dim: 1)`: axes are named after `over`. Returns false if no argument is of this kind. */
export function reportAxisArgument(expr: ast.CallExpr, usage: string, scope: Scope): boolean {
  const foreign = expr.args.find(({ name }) => name !== undefined && axisArguments.includes(name.text));
  if (foreign?.name === undefined) return false;
  const help = [`write \`${usage}\``];
  scope.checker.report(
    "FSL1024",
    foreign.span,
    { what: `an axis is named after \`over\`, not by \`${foreign.name.text}\`` },
    { help },
  );
  return true;
}

/** Returns the number and unit that `5-way` means, which is reported, or undefined if the operation is another. */
export function reportHyphenatedCount(
  expr: ast.BinaryExpr,
  scope: Scope,
): { readonly value: number; readonly unit: string } | undefined {
  const { op, left, right } = expr;
  if (op !== "-" || left.kind !== "number" || left.unit !== undefined || right.kind !== "ref") return undefined;
  const touching = right.span.start === left.span.end + 1;
  if (!touching || unitOf(right.text) === undefined || scope.lookup(right.text) !== undefined) return undefined;
  const what = `\`${left.value}-${right.text}\` subtracts`;
  scope.checker.report(
    "FSL1024",
    expr.span,
    { what },
    { help: [`a unit stands after its number: \`${left.value} ${right.text}\``] },
  );
  return { value: left.value, unit: right.text };
}
