/** Tests which files a project can make fslc read, and that no message shows the text of a file that is not what was expected. */
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { picture, tempDir, write } from "../data/support.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 60_000 });

let project = "";
let elsewhere = "";
beforeEach(async () => {
  [project, elsewhere] = [tempDir(), tempDir()];
  write(join(project, "package.json"), "{}");
  for (const dir of [project, elsewhere])
    for (const name of ["train/a", "train/b", "test/c", "test/d"])
      for (let i = 0; i < 3; i++) write(join(dir, `images/${name}/${i}.png`), await picture(i, 16, 16));
});
const at = (name: string): string => join(project, name);

const chain = "resize(16), center_crop(16), normalize(mean: [0.5], std: [0.25])";
const library = (root: string): string => `fsl 1
import { folder } from "fsl:datasets"
param place: text = "${root}"
dataset data = folder(root: place) {
  train ${chain}
  eval ${chain}
}
`;
const experiment = (importing: string, episodes = "task", line = ""): string => `fsl 1
${importing}
import { prototypes } from "fsl:metrics"
backbone net { conv(3, 4), flatten as vector }
episode task = 2 way, 1 shot, 1 query
evaluate test { encoder ${line === "" ? "untrained " : ""}net  metric prototypes  episodes ${episodes} from data.test${episodes === "task" ? ", 20 episodes" : ""}  ${line} }
`;
async function check(...options: string[]): Promise<string> {
  return (await fslc("check", at("experiment.fsl"), ...options)).err;
}

describe("data outside of the project", () => {
  const importing = 'import { data } from "./lib.fsl"';

  test("may be named by the experiment that is run, by its parameters and for an imported file", async () => {
    const outside = join(elsewhere, "images");
    write(at("experiment.fsl"), experiment(library(outside).replace("fsl 1\n", "")));
    expect(await check()).toBe("");
    write(at("experiment.fsl"), experiment(library("nowhere").replace("fsl 1\n", "")));
    expect(await check("--set", `place=${outside}`)).toBe("");
    write(at("params.json"), JSON.stringify({ place: outside }));
    expect(await check("--params", at("params.json"))).toBe("");
    write(at("lib.fsl"), library("images"));
    write(at("experiment.fsl"), experiment(`${importing} with (place: "${outside}")`));
    expect(await check()).toBe("");
    write(at("experiment.fsl"), experiment(`param mine: text\n${importing} with (place: mine)`));
    expect(await check("--set", `mine=${outside}`)).toBe("");
  });

  test.each([
    ["by its absolute path", () => join(elsewhere, "images")],
    ["by a path that climbs", () => "../other/images"],
    ["by a path that climbs from a folder", () => "images/../../other"],
    ["by a link in the project", () => "link"],
    ["by a folder in a linked folder", () => "link/images"],
    ["by a folder in a linked folder that is not there", () => "link/none"],
  ])("may not be named by an imported file: %s", async (_, make) => {
    symlinkSync(elsewhere, at("link"));
    write(at("lib.fsl"), library(make()));
    write(at("experiment.fsl"), experiment(importing));
    expect(await check()).toMatch(/FSL5063: `lib\.fsl` is imported and names .* outside of the project\n.*lib\.fsl:3/);
    expect((await fslc("run", at("experiment.fsl"))).code).toBe(2);
  });

  test("in the project an imported file names what it likes, also by links", async () => {
    symlinkSync("images", at("link"));
    for (const root of ["images", "./images", "link", at("images")]) {
      write(at("lib.fsl"), library(root));
      write(at("experiment.fsl"), experiment(importing));
      expect(await check()).toBe("");
    }
  });
});

test("an import stays in the project and in files of FSL, links included", async () => {
  write(join(elsewhere, "lib.fsl"), library("images"));
  write(at("secret.env"), "TOKEN=hunter2");
  symlinkSync(join(elsewhere, "lib.fsl"), at("linked.fsl"));
  symlinkSync(elsewhere, at("folder"));
  symlinkSync("secret.env", at("secret.fsl"));
  for (const path of ["./linked.fsl", "./folder/lib.fsl", "./secret.fsl", "./secret.env", "../lib.fsl"]) {
    write(at("experiment.fsl"), experiment(`import { data } from "${path}"`));
    const err = await check();
    expect(err).toContain("FSL2002");
    expect(err).not.toContain("hunter2");
  }
});

test("a link with the name of an experiment that leads to another kind of file is not read, given alone or in a folder", async () => {
  write(join(elsewhere, "secret"), "TOKEN = hunter2 !");
  symlinkSync(join(elsewhere, "secret"), at("experiment.fsl"));
  for (const command of ["check", "plan", "run", "fmt"])
    for (const path of command === "check" || command === "fmt"
      ? [at("experiment.fsl"), project]
      : [at("experiment.fsl")]) {
      const { code, out, err } = await fslc(command, path);
      expect(code).not.toBe(0);
      expect(err).toContain("it is a link to a file whose name does not end in .fsl");
      expect(out + err).not.toContain("hunter2");
    }
});

describe("the text of another file is in no message", () => {
  const secrets = ["hunter2", "correct horse", "s3cr3t"];
  const texts: Readonly<Record<string, string>> = {
    lines: "hunter2\ncorrect horse, battery\ns3cr3t\n",
    passwords: "root:hunter2:0:0:correct horse:/s3cr3t:/bin/sh\n",
    json: '{"auths": {"correct horse": {"auth": "hunter2"}}, "s3cr3t": [1, 2]}\n',
    "broken json": '{"hunter2": s3cr3t, correct horse',
    table: 'hunter2,"correct horse"s3cr3t,x\n"s3cr3t\n',
    "table with semicolons": "hunter2;correct horse;s3cr3t\n",
    pairs: "1 hunter2\n2 correct horse\n3 s3cr3t\n",
    binary: "\x10\0\0\0\0\0\0\0{hunter2 s3cr3t}correct horse",
  };
  const names = Object.keys(texts);

  beforeEach(() => {
    for (const [name, text] of Object.entries(texts)) write(join(elsewhere, name), text);
  });
  function expectSilent(said: string): void {
    expect(said).toMatch(/FSL\d{4}/);
    for (const secret of secrets) expect(said).not.toContain(secret);
  }
  const local = library("images").replace("fsl 1\n", "");

  test.each(names)("parameters: %s", async (name) => {
    write(at("experiment.fsl"), experiment(local));
    // A JSON object is what is expected; the names in it are those of parameters.
    if (name !== "json") expectSilent(await check("--params", join(elsewhere, name)));
  });

  test.each(names)("lists of episodes and weights: %s", async (name) => {
    write(at("experiment.fsl"), experiment(local, `"${join(elsewhere, name)}"`));
    expectSilent(await check());
    write(at("experiment.fsl"), experiment(local, "task", `init encoder from "${join(elsewhere, name)}"`));
    expectSilent(await check());
  });

  test.each([
    ["a drawing", "images/train/a/x.svg", "<svg><hunter2></s3cr3t></svg>", 'folder("images")'],
    ["a pickle", "cifar-100-python/meta", "correct horse\nhunter2\ns3cr3t\n", 'cifar100(".")'],
  ])("%s that is none", async (_, path, text, source) => {
    write(at(path), text);
    write(at("experiment.fsl"), experiment(`dataset data {\n  source ${source}\n  train ${chain}\n  eval ${chain}\n}`));
    expectSilent((await fslc("data", "fetch", at("experiment.fsl"))).err);
  });

  test.each(names)("lists of data: %s", async (name) => {
    const link = (path: string): void => {
      mkdirSync(join(at(path), ".."), { recursive: true });
      symlinkSync(join(elsewhere, name), at(path));
    };
    for (const path of ["lists/train.txt", "lists/test.txt", "table/train.csv", "table/test.csv"]) link(path);
    for (const path of ["images.txt", "classes.txt", "image_class_labels.txt"]) link(`birds/${path}`);
    link("table/images/1.png");
    link("birds/images/1.png");
    for (const source of ['folder("images", lists: "lists")', 'csv("table")', 'cub("birds")']) {
      const dataset = `dataset data {\n  source ${source}\n  train ${chain}\n  eval ${chain}\n}`;
      write(at("experiment.fsl"), experiment(dataset));
      for (const command of [["check"], ["data", "inspect"], ["data", "fetch"], ["run"]]) {
        const { out, err } = await fslc(...command, at("experiment.fsl"));
        expectSilent(out + err);
      }
    }
  });
});

test("`fslc init` writes through no link and over nothing", async () => {
  symlinkSync(join(elsewhere, "new.fsl"), at("experiment.fsl"));
  const { code, err } = await fslc("init", project);
  expect([code, err]).toEqual([3, expect.stringContaining("exists already")]);
  expect(() => readFileSync(join(elsewhere, "new.fsl"))).toThrow();
  write(join(elsewhere, "mine", ".gitignore"), "mine\n");
  expect((await fslc("init", join(elsewhere, "mine"))).code).toBe(0);
  expect(readFileSync(join(elsewhere, "mine", ".gitignore"), "utf8")).toBe("mine\n");
});
