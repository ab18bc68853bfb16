/** Codes FSL4001–FSL4999: layers and networks. */
import { codes } from "../code.js";

export const layersCodes = codes({
  FSL4001: {
    severity: "error",
    title: "an unknown layer",
    message: "there is no layer or block called `{name}`",
    explanation:
      "Each item of a backbone, block or module is a layer of the language, or a `block` that the file declares or imports.",
    example: "backbone net { conv(3, 64), bach_norm, relu, flatten as vector }",
    corrected: "backbone net { conv(3, 64), batch_norm, relu, flatten as vector }",
    fix: "Correct the name of the layer, or declare a `block` with this name.",
  },
  FSL4002: {
    severity: "error",
    title: "a value that a layer does not take",
    message: "`{layer}` needs {needed}, but it gets {found}",
    explanation:
      "Convolutions, pools and drop_block work on maps, which have channel, height and width. Linear layers work on vectors, which have a feature axis, and on tokens, which have token and feature. A value keeps its axes from layer to layer, so `flatten`, `global_avg_pool` or `tokens` has to stand between the kinds.",
    example: "backbone net { flatten, conv(3, 64) as map }",
    corrected: "backbone net { conv(3, 64), flatten as vector }",
    fix: "Move the layer to where it gets its kind of value, or turn the map into a vector before it with `flatten` or `global_avg_pool`.",
  },
  FSL4003: {
    severity: "error",
    title: "a backbone that runs out of pixels",
    message: "`{layer}` needs a map of at least {needed}×{needed} pixels, but only {height}×{width} are left",
    explanation:
      "Each pool or strided convolution makes the map smaller. The images of this dataset are too small for this number of them. The help lists the sizes layer by layer.",
    example:
      "dataset d = emoji() { train resize(8), normalize  eval resize(8), normalize }\nbackbone net { repeat 4 { conv(3, 64), max_pool(2) } flatten as vector }",
    corrected:
      "dataset d = emoji() { train resize(8), normalize  eval resize(8), normalize }\nbackbone net { repeat 2 { conv(3, 64), max_pool(2) } flatten as vector }",
    fix: "Use fewer pools or smaller strides (`conv64(pools: 3)`), or make the images larger in the dataset's `resize` and crops.",
  },
  FSL4004: {
    severity: "error",
    title: "two sides of a residual that differ",
    message: "the body of this `residual` gives {body}, but its shortcut gives {shortcut}",
    explanation:
      "A residual adds its body and its shortcut, or the input if there is no shortcut. Both must have the same axes and sizes.",
    example: "backbone net { residual { conv(3, 64) } flatten as vector }",
    corrected: "backbone net { residual { conv(3, 64) } shortcut { conv(1, 64) } flatten as vector }",
    fix: "Add a shortcut that gives the same shape, such as `shortcut { conv(1, 64), batch_norm }` with the channels and the stride of the body.",
  },
  FSL4005: {
    severity: "error",
    title: "a wrong argument of a layer",
    message: "`{name}` of `{layer}` must be {expected}, but this is {found}",
    explanation:
      "Each argument of a layer has a type: a whole number, a number, true or false, an axis, or one of a few words. Groups and heads share the channels equally, so their number must divide that of the channels.",
    example: "backbone net { conv(3, 64.5), flatten as vector }",
    corrected: "backbone net { conv(3, 64), flatten as vector }",
    fix: "Give the argument a value of that type.",
  },
  FSL4006: {
    severity: "error",
    title: "a name used twice in a network",
    message: "`{name}` already names {what} of this network",
    explanation:
      "The names of layers are parts of the paths of weights, and metrics ask for the names of outputs. So each name must be unique. (A named layer in a `repeat` is numbered automatically.)",
    example: "backbone net { a: conv(3, 8), a: conv(3, 8), flatten as vector }",
    corrected: "backbone net { a: conv(3, 8), b: conv(3, 8), flatten as vector }",
    fix: "Rename one of the two.",
  },
  FSL4007: {
    severity: "error",
    title: "parallel branches that do not fit together",
    message: "branch {index} of this `parallel` gives {found}, which cannot be joined with {first} along `{axis}`",
    explanation:
      "The results of the branches are joined along one axis. All other axes must be the same in every branch.",
    example: "backbone net { parallel { conv(3, 8) } { conv(3, 8), max_pool(2) } along channel, flatten as vector }",
    corrected: "backbone net { parallel { conv(3, 8) } { conv(3, 8) } along channel, flatten as vector }",
    fix: "Make the branches equal in every axis except the one along which they are joined.",
  },
  FSL4008: {
    severity: "error",
    title: "a network whose shape is not fixed",
    message: "{what} must be {expected}, but this is {found}",
    explanation:
      "The number of repeats, and the branch of an `if` that is built, are decided before the run, from parameters and numbers.",
    example: "backbone net { repeat 2.5 { conv(3, 8) } flatten as vector }",
    corrected: "backbone net { repeat 2 { conv(3, 8) } flatten as vector }",
    fix: "Use a whole number for `repeat`, and a comparison of parameters or indices for `if`.",
  },
  FSL4009: {
    severity: "error",
    title: "a block that contains itself",
    message: "the block `{name}` contains itself",
    explanation: "A block is written out where it is used. A block that uses itself would never end.",
    example: "block b() { b() }\nbackbone net { b(), flatten as vector }",
    corrected: "block b() { conv(3, 8) }\nbackbone net { b(), flatten as vector }",
    fix: "Use `repeat` for layers that repeat.",
  },
  FSL4010: {
    severity: "error",
    title: "a network with too many layers",
    message: "written out, `{network}` has more than {most} layers",
    explanation:
      "Loops and blocks are written out before the run. Loops inside loops multiply the number of layers, and so do blocks inside blocks.",
    example: "fsl 1\nbackbone net { repeat 200 { repeat 200 { relu } } flatten as vector }",
    corrected: "fsl 1\nbackbone net { repeat 4 { repeat 4 { relu } } flatten as vector }",
    fix: "Use fewer repeats. The deepest networks in few-shot learning have a few hundred layers.",
  },
  FSL4012: {
    severity: "error",
    title: "a layer that is no formula",
    message: "a layer that is a formula {what}",
    explanation:
      "The body of `block name(…)(x: map) { … }` computes a value from one value, for one image. It may learn numbers, and use functions, operators and `repeat`. It calls no networks, draws nothing and minimizes nothing.",
    example:
      "fsl 1\nblock half(p = 0.5)(x: map) { dropout(x, p) }\nbackbone b { conv(3, 8), half, relu, flatten as vector }",
    corrected:
      "fsl 1\nblock half(p = 0.5)(x: map) { x * p }\nbackbone b { conv(3, 8), dropout(0.5), half, relu, flatten as vector }",
    fix: "Write layers for the rest, before the formula or after it.",
  },
  FSL4011: {
    severity: "error",
    title: "a third argument without a name",
    message: "after its second argument, `{layer}` takes arguments by name",
    explanation:
      "The order of further arguments differs from library to library: the third one of a convolution is the size of the kernel in PyTorch, and its stride here. So it must have a name.",
    example: "fsl 1\nbackbone net { conv(3, 64, 2), flatten as vector }",
    corrected: "fsl 1\nbackbone net { conv(3, 64, stride: 2), flatten as vector }",
    fix: "Write the name: `conv(3, 64, stride: 2)`. The kernel comes first, then the channels.",
  },
});
