/** The activations and their gradients, written in primitive ops. */
import type { CompositeName } from "../ir.js";
import type { Decompositions } from "./rule.js";

export const activationDecompositions = {
  relu: (o, [x]) => o.max(x, 0),
  relu_grad: (o, [x, dy]) => o.select(o.gt(x, 0), dy, 0),
  leaky_relu: (o, [x], { slope }) => o.select(o.gt(x, 0), x, o.mul(x, slope)),
  leaky_relu_grad: (o, [x, dy], { slope }) => o.select(o.gt(x, 0), dy, o.mul(dy, slope)),
  softmax: (o, [x], { axis }) => {
    // The shift changes no value, so nothing is differentiated through it.
    const top = o.stopGradient(o.reduceMax(x, [axis]));
    const e = o.exp(o.sub(x, o.spread(top, x.shape, [axis])));
    return o.div(e, o.spread(o.sum(e, [axis]), x.shape, [axis]));
  },
  softmax_grad: (o, [y, dy], { axis }) => o.mul(y, o.sub(dy, o.spread(o.sum(o.mul(y, dy), [axis]), y.shape, [axis]))),
  log_softmax: (o, [x], { axis }) => {
    const top = o.stopGradient(o.reduceMax(x, [axis]));
    const z = o.sub(x, o.spread(top, x.shape, [axis]));
    return o.sub(z, o.spread(o.log(o.sum(o.exp(z), [axis])), x.shape, [axis]));
  },
  log_softmax_grad: (o, [y, dy], { axis }) => o.sub(dy, o.mul(o.exp(y), o.spread(o.sum(dy, [axis]), y.shape, [axis]))),
} satisfies Partial<Decompositions<CompositeName>>;
