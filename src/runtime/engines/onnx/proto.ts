/** The part of ONNX's protobuf schema that the lowering needs, with the field numbers of onnx.proto (IR version 10), and its encoder. */
import protobuf from "protobufjs";
import type { DType, Node, Shape } from "../../../compiler/tensor/ir.js";

export const opset = 21;
/** The domain of ONNX Runtime's convolutions on blocked channels. */
export const nchwc = "com.microsoft.nchwc";
const irVersion = 10;

/** The codes of TensorProto.DataType. */
export const elementTypes = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, u32: 12 } as const satisfies Record<
  DType | "i64",
  number
>;
export type OnnxType = keyof typeof elementTypes;
const attributeTypes = { FLOAT: 1, INT: 2, STRING: 3, FLOATS: 6, INTS: 7 } as const;

const root = protobuf.Root.fromJSON({
  nested: {
    OperatorSetIdProto: { fields: { domain: { type: "string", id: 1 }, version: { type: "int64", id: 2 } } },
    AttributeProto: {
      fields: {
        name: { type: "string", id: 1 },
        f: { type: "float", id: 2 },
        i: { type: "int64", id: 3 },
        s: { type: "bytes", id: 4 },
        floats: { rule: "repeated", type: "float", id: 7 },
        ints: { rule: "repeated", type: "int64", id: 8 },
        type: { type: "int32", id: 20 },
      },
    },
    NodeProto: {
      fields: {
        input: { rule: "repeated", type: "string", id: 1 },
        output: { rule: "repeated", type: "string", id: 2 },
        name: { type: "string", id: 3 },
        opType: { type: "string", id: 4 },
        attribute: { rule: "repeated", type: "AttributeProto", id: 5 },
        domain: { type: "string", id: 7 },
      },
    },
    TensorProto: {
      fields: {
        dims: { rule: "repeated", type: "int64", id: 1 },
        dataType: { type: "int32", id: 2 },
        name: { type: "string", id: 8 },
        rawData: { type: "bytes", id: 9 },
      },
    },
    Dimension: { fields: { dimValue: { type: "int64", id: 1 }, dimParam: { type: "string", id: 2 } } },
    TensorShapeProto: { fields: { dim: { rule: "repeated", type: "Dimension", id: 1 } } },
    TensorTypeProto: { fields: { elemType: { type: "int32", id: 1 }, shape: { type: "TensorShapeProto", id: 2 } } },
    TypeProto: { fields: { tensorType: { type: "TensorTypeProto", id: 1 } } },
    ValueInfoProto: { fields: { name: { type: "string", id: 1 }, type: { type: "TypeProto", id: 2 } } },
    GraphProto: {
      fields: {
        node: { rule: "repeated", type: "NodeProto", id: 1 },
        name: { type: "string", id: 2 },
        initializer: { rule: "repeated", type: "TensorProto", id: 5 },
        input: { rule: "repeated", type: "ValueInfoProto", id: 11 },
        output: { rule: "repeated", type: "ValueInfoProto", id: 12 },
      },
    },
    StringStringEntryProto: { fields: { key: { type: "string", id: 1 }, value: { type: "string", id: 2 } } },
    ModelProto: {
      fields: {
        irVersion: { type: "int64", id: 1 },
        producerName: { type: "string", id: 2 },
        producerVersion: { type: "string", id: 3 },
        graph: { type: "GraphProto", id: 7 },
        opsetImport: { rule: "repeated", type: "OperatorSetIdProto", id: 8 },
        metadataProps: { rule: "repeated", type: "StringStringEntryProto", id: 14 },
      },
    },
  },
});
const model = root.lookupType("ModelProto");

export type Attribute = number | string | readonly number[] | { readonly float: number };
export interface OnnxNode {
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** The node of the program that it computes, alone or with others. */
  readonly of?: Node | undefined;
}
/** Returns the name of a node in its model. */
export const nodeName = (op: string, index: number): string => `${op}_${index}`;

export interface Initializer {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: Shape;
  readonly raw: Uint8Array;
}
export interface ValueInfo {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: Shape;
}
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly Initializer[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** A graph whose inputs and outputs may have any shape, or open sizes, which have names. */
export type UnshapedGraph = Omit<OnnxGraph, "inputs" | "outputs"> & {
  readonly inputs: readonly UnshapedInfo[];
  readonly outputs: readonly UnshapedInfo[];
};
type UnshapedInfo = Omit<ValueInfo, "shape"> & { readonly shape?: readonly (number | string)[] };

/** The parts of a model beside its graph: a model for other programs says where it is from and uses no kernels of one runtime. */
export interface ModelLabel {
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Encodes a model. With a label it is for other programs, so it imports the operators of ONNX alone. */
export function encodeModel(graph: UnshapedGraph, label?: ModelLabel): Uint8Array {
  const message = {
    irVersion: irVersion,
    producerName: "fslc",
    ...(label === undefined ? {} : { producerVersion: label.version }),
    opsetImport: [
      { domain: "", version: opset },
      ...(label === undefined
        ? [
            { domain: "com.microsoft", version: 1 },
            { domain: nchwc, version: 1 },
          ]
        : []),
    ],
    metadataProps: Object.entries(label?.metadata ?? {}).map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name,
      node: graph.nodes.map((node, index) => ({
        input: node.inputs,
        output: node.outputs,
        name: nodeName(node.op, index),
        opType: node.op,
        domain: node.domain,
        attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
      })),
      initializer: graph.initializers.map((tensor) => ({
        dims: tensor.shape,
        dataType: elementTypes[tensor.type],
        name: tensor.name,
        rawData: tensor.raw,
      })),
      input: graph.inputs.map(encodeValueInfo),
      output: graph.outputs.map(encodeValueInfo),
    },
  };
  return model.encode(message).finish();
}

function encodeAttribute(name: string, value: Attribute): object {
  if (typeof value === "number") return { name, i: value, type: attributeTypes.INT };
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: attributeTypes.STRING };
  if ("float" in value) return { name, f: value.float, type: attributeTypes.FLOAT };
  return { name, ints: value, type: attributeTypes.INTS };
}

function encodeValueInfo(value: UnshapedInfo): object {
  const dim = value.shape?.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  const shape = dim === undefined ? {} : { shape: { dim } };
  return { name: value.name, type: { tensorType: { elemType: elementTypes[value.type], ...shape } } };
}
