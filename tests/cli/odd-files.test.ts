/** Tests that every file which a user or a project can name is a regular file of a bounded size before it is read. */
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { openGivenWeights } from "../../src/runtime/store/given-weights.js";
import { readSourceStream } from "../../src/runtime/system/read-file.js";
import { picture, tempDir, write } from "../data/support.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 60_000 });

let project = "";
beforeEach(() => {
  project = tempDir();
  write(join(project, "package.json"), "{}");
});

const at = (name: string): string => join(project, name);
function fifo(name: string): string {
  mkdirSync(join(project, name, ".."), { recursive: true });
  execFileSync("mkfifo", [at(name)]);
  return at(name);
}
function experiment(dataset: string, line = "", imports = ""): string {
  const chain = "resize(16), center_crop(16), normalize(mean: [0.5], std: [0.25])";
  write(
    at("experiment.fsl"),
    `fsl 1
import { folder, csv, cub, omniglot, cifar_fs } from "fsl:datasets"
import { prototypes } from "fsl:metrics"
${imports}
dataset d = ${dataset} {
  train ${chain}
  eval ${chain}
}
backbone pixels { flatten as vector }
backbone net { conv(3, 4), flatten as vector }
episode task = 2 way, 1 shot, 2 query
evaluate test { encoder ${line === "" ? "pixels" : "net"}  metric prototypes  episodes task from d.test, 20 episodes  ${line} }
`,
  );
  return at("experiment.fsl");
}
async function smallFolder(): Promise<void> {
  for (const name of ["train/a", "train/b", "test/c", "test/d"])
    for (let i = 0; i < 3; i++) write(at(`images/${name}/${i}.png`), await picture(i, 16, 16));
}
const images = 'folder(root: "images")';

describe.skipIf(process.platform === "win32")("pipes and devices are refused, and nothing waits for them", () => {
  const odd = /a pipe, a socket or a device/;
  const kinds = [
    ["a pipe", () => fifo("odd/file")],
    ["a device", () => "/dev/zero"],
  ] as const;

  test.each(kinds)("%s as an experiment or a file to format", async (_, make) => {
    const path = make();
    for (const command of ["check", "plan", "run", "fmt"]) {
      const { code, err } = await fslc(command, path);
      expect(err).toMatch(odd);
      expect(code).not.toBe(0);
    }
  });

  test.each(kinds)("%s as an import", async (_, make) => {
    symlinkSync(make(), at("lib.fsl"));
    const { err } = await fslc("check", experiment(images, "", 'import { x } from "./lib.fsl"'));
    expect(err).toContain("FSL2002");
  });

  test.each(kinds)("%s as parameters", async (_, make) => {
    const { code, err } = await fslc("check", experiment(images), "--params", make());
    expect(err).toMatch(odd);
    expect(code).toBe(3);
  });

  test.each(kinds)("%s as a list of episodes or as weights", async (_, make) => {
    await smallFolder();
    const path = make();
    expect((await fslc("check", experiment(images, `init encoder from "${path}"`))).err).toMatch(odd);
    experiment(images);
    const listed = execFileSync("sed", [`s|task from|"${path}" from|`, at("experiment.fsl")], { encoding: "utf8" });
    write(at("listed.fsl"), listed);
    expect((await fslc("check", at("listed.fsl"))).err).toMatch(odd);
  });

  test.each([
    ["a list of classes", 'folder(root: "images", lists: "lists")', "lists/train.txt"],
    ["a zip archive", 'folder(root: "images.zip")', "images.zip"],
    ["an archive of Omniglot", 'omniglot(root: ".")', "images_background.zip"],
    ["an archive of CIFAR-100", 'cifar_fs(root: ".")', "cifar-100-binary.tar.gz"],
    ["a file of CIFAR-100", 'cifar_fs(root: ".")', "cifar-100-binary/train.bin"],
  ])("%s", async (_, dataset, name) => {
    await smallFolder();
    fifo(name);
    write(at("images_evaluation.zip"), "");
    if (name.endsWith(".bin")) write(at("cifar-100-binary/fine_label_names.txt"), "apple");
    const { code, err } = await fslc("data", "fetch", experiment(dataset));
    expect(err).toMatch(odd);
    expect(code).not.toBe(0);
  });

  test.each(["csv", "cub"])("pipes among the lists of %s are no files of the data", async (kind) => {
    await smallFolder();
    for (const name of ["train.csv", "test.csv", "images.txt", "classes.txt", "image_class_labels.txt"])
      fifo(`d/${name}`);
    const { err } = await fslc("check", experiment(`${kind}(root: "d")`));
    expect(err).toMatch(/FSL6002.*there is no/);
  });
});

describe("files that are too large are not read", () => {
  function large(name: string, mebibytes: number): string {
    write(at(name), "");
    truncateSync(at(name), mebibytes * 2 ** 20);
    return at(name);
  }

  test("an experiment, an import and parameters", async () => {
    for (const command of ["check", "fmt", "run"])
      expect((await fslc(command, large("large.fsl", 17))).err).toContain("it has 17 MiB, and at most 16 MiB are read");
    const importing = experiment(images, "", 'import { x } from "./large.fsl"');
    expect((await fslc("check", importing)).err).toContain("it has 17 MiB");
    const { err } = await fslc("check", experiment(images), "--params", large("params.json", 17));
    expect(err).toMatch(/FSL7043.*it has 17 MiB/);
  });

  test("parameters that are nested very deep", async () => {
    const nested = (n: number): string => `{"shots": ${"[".repeat(n)}${"]".repeat(n)}}`;
    for (const [n, said] of [
      [200_000, /FSL7043.*nested more than 32 deep/],
      [33, /FSL7043.*nested more than 32 deep/],
      [30, /FSL2011/],
    ] as const) {
      write(at("params.json"), nested(n));
      expect((await fslc("check", experiment(images), "--params", at("params.json"))).err).toMatch(said);
    }
  });

  test("standard input", async () => {
    const endless = Readable.from(
      (function* () {
        for (;;) yield Buffer.alloc(2 ** 20);
      })(),
    );
    await expect(readSourceStream(endless)).rejects.toThrow("it has more than 16 MiB");
    expect(await readSourceStream(Readable.from([Buffer.from("fsl 1"), "\n"]))).toBe("fsl 1\n");
  });

  test("a list of episodes, and a list of classes", async () => {
    await smallFolder();
    large("list.json", 300);
    write(at("e.fsl"), "");
    const text = execFileSync("sed", [`s|task from|"list.json" from|`, experiment(images)], { encoding: "utf8" });
    write(at("e.fsl"), text);
    expect((await fslc("check", at("e.fsl"))).err).toMatch(/FSL5060.*it has 300 MiB/);
    large("lists/train.txt", 300);
    expect((await fslc("check", experiment('folder(root: "images", lists: "lists")'))).err).toContain("it has 300 MiB");
  });

  test("weights beyond what can be read, and with a header that no network has", async () => {
    await smallFolder();
    large("w.safetensors", 3000);
    const check = async () => (await fslc("check", experiment(images, 'init encoder from "w.safetensors"'))).err;
    expect(await check()).toMatch(/it has 3000 MiB/);
    const header = (text: string): Buffer => {
      const length = Buffer.alloc(8);
      length.writeUInt32LE(text.length);
      return Buffer.concat([length, Buffer.from(text)]);
    };
    writeFileSync(at("w.safetensors"), header("{}".padEnd(17 * 2 ** 20)));
    expect(await check()).toMatch(/its header has more than 16 MiB/);
    const entry = { dtype: "F32", shape: [0], data_offsets: [0, 0] };
    const many = (n: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: n }, (_, i) => [`t${i}`, entry])));
    writeFileSync(at("w.safetensors"), header(many(20_001)));
    expect(await check()).toMatch(/it has 20001 tensors, and at most 20000 are read/);
    expect(openGivenWeights(header(many(20_000))).tensor("t19999")?.shape).toEqual([0]);
  });
});

describe.skipIf(process.platform === "win32")("links among the folders of data", () => {
  /** Makes folders of which each has two links to the next: 2^n paths lead to the last. */
  function pairs(n: number): void {
    for (let i = 0; i < n; i++) {
      mkdirSync(at(`data/d${i}`), { recursive: true });
      for (const name of ["a", "b"]) symlinkSync(`../d${i + 1}`, at(`data/d${i}/${name}`));
    }
    mkdirSync(at(`data/d${n}`));
  }

  test.each([
    ["folder", 'folder(root: "data")'],
    ["cifar_fs, whose facts need no files", 'cifar_fs(root: "data")'],
    ["omniglot, whose facts need no files", 'omniglot(root: ".")'],
  ])("pairs that give very many paths end the reading of %s", async (_, dataset) => {
    pairs(40);
    for (const part of ["images_background", "images_evaluation"]) symlinkSync("data", at(part));
    const { code, err } = await fslc("data", "fetch", experiment(dataset));
    expect(err).toMatch(/FSL6002.*links lead to the same folders more than 1000 times/);
    expect(code).not.toBe(0);
  });

  test.each([
    ["a folder in itself", [["data/x/loop", ".."]]],
    [
      "two folders in each other",
      [
        ["data/x/y", "../../other"],
        ["other/x", "../data/x"],
      ],
    ],
  ] as const)("%s", async (_, links) => {
    for (const [path, target] of links) {
      mkdirSync(join(at(path), ".."), { recursive: true });
      symlinkSync(target, at(path));
    }
    const { err } = await fslc("data", "fetch", experiment('cifar_fs(root: "data")'));
    expect(err).toMatch(/FSL6002.*leads back to a folder that contains it/);
  });

  test("a link to itself", async () => {
    mkdirSync(at("data"));
    symlinkSync("self", at("data/self"));
    symlinkSync("root", at("root"));
    for (const root of ["data", "root"])
      expect((await fslc("data", "fetch", experiment(`cifar_fs(root: "${root}")`))).err).toMatch(/FSL600[12]/);
  });
});
