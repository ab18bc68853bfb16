/** FSL4001–FSL4999: layers and networks. */
import { codes } from "../code.js";

export const layersCodes = codes({
  FSL4001: {
    severity: "error",
    title: "Unknown layer",
    message: "there is no layer or block called `{name}`",
    explanation:
      "In a backbone, block or module each item is a layer of the language or a `block` that the file declares or imports.",
    example: "backbone net { conv(3, 64), bach_norm, relu, flatten as vector }",
    fix: "Write the layer's name as the language has it, or declare a `block` of this name.",
  },
  FSL4002: {
    severity: "error",
    title: "A layer does not take this value",
    message: "`{layer}` needs {needed}, and what reaches it is {found}",
    explanation:
      "Convolutions, pools and drop_block work on maps with channel, height and width; linear layers on vectors with a feature axis. A value keeps its axes from layer to layer, so `flatten` or `global_avg_pool` has to stand between the two.",
    example: "backbone net { flatten, conv(3, 64) as map }",
    fix: "Put the layer where its kind of value is, or turn the map into a vector first with `flatten` or `global_avg_pool`.",
  },
  FSL4003: {
    severity: "error",
    title: "A backbone runs out of pixels",
    message: "`{layer}` needs a map of at least {needed}×{needed} pixels, and {height}×{width} are left here",
    explanation:
      "Each pool or strided convolution makes the map smaller. The image of this dataset is too small for so many of them; the sizes layer by layer are listed below.",
    example:
      "dataset d = emoji() { train resize(8), normalize  eval resize(8), normalize }\nbackbone net { repeat 4 { conv(3, 64), max_pool(2) } flatten as vector }",
    fix: "Use fewer pools or smaller strides (`conv64(pools: 3)`), or larger images in the dataset's `resize` and crops.",
  },
  FSL4004: {
    severity: "error",
    title: "The two sides of a residual differ",
    message: "the body of this `residual` gives {body}, and its shortcut {shortcut}",
    explanation:
      "A residual adds its body and its shortcut (the input itself where no shortcut is written), so both must have the same axes and sizes.",
    example: "backbone net { residual { conv(3, 64) } flatten as vector }",
    fix: "Give it a shortcut that makes the same shape, such as `shortcut { conv(1, 64), batch_norm }` with the body's channels and stride.",
  },
  FSL4005: {
    severity: "error",
    title: "An argument of a layer is wrong",
    message: "`{name}` of `{layer}` must be {expected}, and this is {found}",
    explanation:
      "Each layer says what its arguments are: a whole number, a number, true or false, an axis, or one of a few words.",
    example: "backbone net { conv(3, 64.5), flatten as vector }",
    fix: "Give the argument the kind of value that it needs.",
  },
  FSL4006: {
    severity: "error",
    title: "A name stands twice in a network",
    message: "`{name}` already names {what} of this network",
    explanation:
      "Layer names are parts of the paths of weights, and output names are what metrics ask for: each must be said once. (A named layer in a `repeat` is numbered by itself.)",
    example: "backbone net { a: conv(3, 8), a: conv(3, 8), flatten as vector }",
    fix: "Rename one of the two.",
  },
  FSL4007: {
    severity: "error",
    title: "Parallel branches do not fit together",
    message: "branch {index} of this `parallel` gives {found}, which does not join {first} along `{axis}`",
    explanation:
      "The results of the branches are joined along one axis: every other axis must be the same in all of them.",
    example: "backbone net { parallel { conv(3, 8) } { conv(3, 8), max_pool(2) } along channel, flatten as vector }",
    fix: "Make the branches agree on every axis but the one they are joined along.",
  },
  FSL4008: {
    severity: "error",
    title: "A network's shape depends on something that is not fixed",
    message: "{what} must be {expected}, and this is {found}",
    explanation:
      "How often layers repeat and which branch of an `if` is built is decided before anything runs, from parameters and numbers.",
    example: "backbone net { repeat 2.5 { conv(3, 8) } flatten as vector }",
    fix: "Use a whole number for `repeat`, and a comparison of parameters or indices for `if`.",
  },
  FSL4009: {
    severity: "error",
    title: "A block contains itself",
    message: "the block `{name}` contains itself",
    explanation: "Blocks are written out where they are used, so a block that uses itself would never end.",
    example: "block b() { b() }\nbackbone net { b(), flatten as vector }",
    fix: "Use `repeat` for layers that recur.",
  },
  FSL4010: {
    severity: "error",
    title: "A network of too many layers",
    message: "written out, `{network}` has more than {most} layers",
    explanation:
      "Loops and blocks are written out before anything runs. Loops in loops multiply, and so do blocks in blocks.",
    example: "fsl 1\nbackbone net { repeat 200 { repeat 200 { relu } } flatten as vector }",
    fix: "Repeat less; the deepest networks of few-shot work have a few hundred layers.",
  },
});
