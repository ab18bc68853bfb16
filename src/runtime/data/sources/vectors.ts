/** Reads vectors instead of images: a matrix with a class name for each row, or a folder of the zero-shot benchmark. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DataSource } from "../../../compiler/typed/tree.js";
import { RefusedFileError } from "../../system/read-file.js";
import { reason } from "../../system/reason.js";
import { type DescriptionTable, tableDigest } from "../descriptions/table.js";
import { textError } from "../file-tree.js";
import { MatrixError } from "../matrices/matrix.js";
import { readShape } from "../matrices/read-matrix.js";
import { readTextFile, TextFileError } from "../text-file.js";
import { readClassLists } from "./class-lists.js";
import { splitByName } from "./folder.js";
import { requireReadableRoot } from "./root.js";
import {
  badArg,
  type DataFolders,
  type ImageRef,
  type Listing,
  layoutError,
  rootOf,
  type Source,
  splitFacts,
  splitNames,
  textArg,
} from "./source.js";
import { type RowSplits, rowsByClass, type VectorFolder } from "./vector-folder.js";
import { featuresFile, readBenchmark } from "./zero-shot-benchmark.js";

const matrixFiles = ["vectors.npy", "vectors.safetensors"];
const labelsFile = "labels.txt";

/** The most numbers in a vector. A pack counts the bytes of a row in 16 bits. */
const longest = 16_383;

export const vectors: Source = {
  description: {
    kind: "vectors",
    summary: "vectors that another program computed, or the zero-shot benchmark of Xian et al. 2019",
    args: [
      { name: "root", type: "text", default: undefined, meaning: "the folder" },
      {
        name: "split",
        type: "choice",
        choices: ["proposed", "validation"],
        default: "proposed",
        meaning:
          "of the zero-shot benchmark: `proposed` has train, seen and test; `validation` divides the training part by classes into train and val",
      },
    ],
    channels: 1,
    square: true,
    vectors: true,
    describes: [{ name: "attribute", meaning: "the attributes of the classes in a folder of the zero-shot benchmark" }],
    obtain:
      "vectors.npy or vectors.safetensors [vector, number] with labels.txt, a class name a line, and optionally train.txt, val.txt, test.txt, a class name a line; or res101.mat and att_splits.mat of the zero-shot benchmark",
    license: "that of the images from which the vectors were computed",
    fetched: false,
  },
  facts(source, places) {
    const { length, splits } = openVectors(source, places);
    const facts = Object.entries(splits).flatMap(([split, classes]) => {
      const found = splitFacts(classes.map(({ name, rows }) => ({ name, images: rows.length })));
      return found === undefined ? [] : [[split, found] as const];
    });
    return { splits: Object.fromEntries(facts), vector: length };
  },
  roots: (source, places) => [rootOf(source, places)],
  async list(source, places): Promise<Listing> {
    const { file, length, splits } = openVectors(source, places);
    const raw = { offset: 0, channels: 1, height: 1, width: length * Float32Array.BYTES_PER_ELEMENT } as const;
    const vector = (row: number): ImageRef => ({ name: `vector ${row + 1}`, file, entry: String(row), raw });
    const listed = Object.entries(splits).map(([split, classes]) => {
      return [split, classes.map(({ name, rows }) => ({ name, images: rows.map(vector) }))] as const;
    });
    return Object.fromEntries(listed);
  },
  describe: {
    facts(source, _, places) {
      const table = attributesOf(source, places);
      if (table === undefined)
        return { problem: "only a folder of the zero-shot benchmark has attributes", place: undefined };
      return { size: table.columns.length, digest: tableDigest(table) };
    },
    async load(source, _, __, places) {
      const table = attributesOf(source, places);
      if (table === undefined) throw layoutError(source, rootOf(source, places), "it has no att_splits.mat");
      return table;
    },
  },
};

function attributesOf(source: DataSource, places: DataFolders): DescriptionTable | undefined {
  return openVectors(source, places).attributes;
}

/** Opens a folder in one of its layouts. @throws DiagnosticError FSL6002 if it has none, or if what lies there does not fit together. */
function openVectors(source: DataSource, places: DataFolders): VectorFolder {
  const root = rootOf(source, places);
  requireReadableRoot(source, root, { archives: [] });
  try {
    const folder = existsSync(join(root, featuresFile))
      ? readBenchmark(root, textArg(source, "split", "proposed") === "validation")
      : readOwn(source, root, places);
    if (folder.length <= longest) return folder;
    throw new MatrixError(`its vectors have ${folder.length} numbers, and at most ${longest} are possible`);
  } catch (error) {
    if (error instanceof TextFileError) throw textError(join(root, labelsFile), error);
    const isExpected = error instanceof MatrixError || error instanceof RefusedFileError;
    const isOfSystem = typeof (error as { code?: unknown }).code === "string" && error instanceof Error;
    if (isExpected || (isOfSystem && !("diagnostic" in error)))
      throw layoutError(source, root, isExpected ? error.message : reason(error), { cause: error });
    throw error;
  }
}

/** Reads a matrix with `labels.txt`, whose classes are divided by lists or by a hash of their names. */
function readOwn(source: DataSource, root: string, places: DataFolders): VectorFolder {
  if (source.args["split"] === "validation")
    throw badArg(source, "split", "validation", "only a folder of the zero-shot benchmark has it");
  const name = matrixFiles.find((each) => existsSync(join(root, each)));
  if (name === undefined || !existsSync(join(root, labelsFile)))
    throw new MatrixError(
      `it needs ${matrixFiles.join(" or ")} with ${labelsFile}, or ${featuresFile} with att_splits.mat`,
    );
  const file = join(root, name);
  const { rows, columns } = readShape(file);
  const labels = readTextFile(join(root, labelsFile))
    .replace(/\r?\n$/, "")
    .split(/\r?\n/);
  const empty = labels.findIndex((label) => label.trim() === "");
  if (empty >= 0) throw new TextFileError("a line has the name of a class", empty + 1);
  if (labels.length !== rows)
    throw new MatrixError(`${name} has ${rows} vectors, and ${labelsFile} ${labels.length} lines`);
  const classes = rowsByClass(labels.map((label) => label.trim()));
  const hasLists = splitNames.some((split) => existsSync(join(root, `${split}.txt`)));
  const lists = hasLists
    ? readClassLists({ kind: source.kind, args: { lists: root } }, places, (each) => classes.has(each))
    : undefined;
  const missing = [...(lists?.keys() ?? [])].find((each) => !classes.has(each));
  if (missing !== undefined) throw new MatrixError(`no vector has the class \`${missing}\`, which a list names`);
  const splits: RowSplits = {};
  for (const [name, of] of classes) {
    const split = lists === undefined ? splitByName(name, 0.16, 0.2) : lists.get(name);
    if (split !== undefined) splits[split] = [...(splits[split] ?? []), { name, rows: of }];
  }
  return { file, length: columns, splits };
}
