/** `fslc predict`: it gives the scores of the evaluation, takes unequal supports, and says what is wrong with images. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Project } from "../../src/runtime/system/project.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { fslc } from "./command-line.js";
import { firstEpisode, stripesProject } from "./stripes.js";

// Real runs: seconds alone on two cores, and many times that beside others.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let project: Project;
let file = "";
beforeAll(async () => {
  ({ project, file } = await stripesProject(
    "train resize(20), center_crop(16), flip, normalize  eval resize(20), center_crop(16), normalize",
  ));
});
afterAll(() => rmSync(project.dir, { recursive: true, force: true }));

const image = (name: string): string => join(project.dir, "images", "test", name);

/** Copies images into class folders: `{ cat: ["test-0/1.png"] }`. Returns the folder of the supports. */
function supports(name: string, classes: Readonly<Record<string, readonly string[]>>): string {
  const dir = join(project.dir, name);
  rmSync(dir, { recursive: true, force: true });
  for (const [one, images] of Object.entries(classes)) {
    mkdirSync(join(dir, one), { recursive: true });
    for (const path of images) copyFileSync(image(path), join(dir, one, basename(path).padStart(8, "0")));
  }
  return dir;
}

interface Predicted {
  readonly classes: readonly { readonly name: string; readonly supports: number }[];
  readonly images: readonly {
    readonly file: string;
    readonly class: string;
    readonly probability: number;
    readonly scores: Readonly<Record<string, number>>;
    readonly probabilities: Readonly<Record<string, number>>;
  }[];
  readonly unreadable: readonly { readonly file: string; readonly why: string }[];
}
async function predict(stage: string, support: string, ...images: string[]): Promise<Predicted> {
  const { code, out, err } = await fslc("predict", file, stage, ...images, "--support", support, "--json");
  expect(err).not.toContain("error");
  expect(code).toBe(0);
  const predicted: unknown = JSON.parse(out);
  expect(schemaProblem("prediction", predicted)).toBeUndefined();
  return predicted as Predicted;
}

describe("the scores are those of the evaluation on the same images", () => {
  for (const stage of ["test", "centered", "nearest", "attention", "ridge", "adapted", "together"]) {
    test(stage, async () => {
      const { kind, classes } = firstEpisode(project, stage);
      const inTest = (path: string): string => path.replace(/^test\//, "");
      const names = classes.map((one, way) => `${way}-${one.class}`);
      const folder = supports(
        `same-${stage}`,
        Object.fromEntries(classes.map((one, way) => [names[way], one.support.map(inTest)])),
      );
      const queries = classes.flatMap((one) => one.query.map((path) => image(inTest(path))));
      const predicted = await predict(stage, folder, ...queries);
      const expected = classes.flatMap((one) => one[kind] ?? []);
      expect(predicted.images.map((one) => one.file)).toEqual(queries);
      for (const [i, { scores }] of predicted.images.entries()) {
        for (const [way, name] of names.entries())
          expect(scores[name]).toBeCloseTo(expected[i]?.[way] ?? Number.NaN, 4);
      }
    });
  }
});

test("a meta stage predicts as the evaluation of it does", async () => {
  const folder = supports("two", { a: ["test-0/0.png", "test-0/1.png"], b: ["test-1/0.png", "test-1/1.png"] });
  const queries = [image("test-0/5.png"), image("test-1/6.png")];
  expect(await predict("proto", folder, ...queries)).toEqual(await predict("test", folder, ...queries));
});

describe("classes with different numbers of supports", () => {
  const queries = (): string[] => [image("test-0/5.png"), image("test-1/6.png")];
  const unequal = () =>
    supports("unequal", { a: ["test-0/0.png"], b: ["test-1/0.png", "test-1/1.png", "test-1/2.png"] });

  test("a mean counts each real support once: a class alone has the score that it has with equal numbers", async () => {
    const ones = await predict("test", supports("ones", { a: ["test-0/0.png"], b: ["test-1/0.png"] }), ...queries());
    const threes = supports("threes", {
      a: ["test-0/0.png", "test-0/1.png", "test-0/2.png"],
      b: ["test-1/0.png", "test-1/1.png", "test-1/2.png"],
    });
    const equal = await predict("test", threes, ...queries());
    const { images, classes } = await predict("test", unequal(), ...queries());
    expect(classes).toEqual([
      { name: "a", supports: 1 },
      { name: "b", supports: 3 },
    ]);
    for (const [i, { scores }] of images.entries()) {
      expect(scores.a).toBeCloseTo(ones.images[i]?.scores.a ?? Number.NaN, 4);
      expect(scores.b).toBeCloseTo(equal.images[i]?.scores.b ?? Number.NaN, 4);
    }
  });

  test("so do the nearest support, and features that are prepared first", async () => {
    for (const stage of ["nearest", "centered"])
      expect((await predict(stage, unequal(), ...queries())).images).toHaveLength(2);
  });

  test.each([
    ["attention", "`softmax` goes over all supports"],
    ["ridge", "`merge` puts several supports on one axis"],
    ["adapted", "adapts to all supports together"],
  ])("%s needs equal numbers, and the message points at the reason", async (stage, why) => {
    const { code, err } = await fslc("predict", file, stage, ...queries(), "--support", unequal());
    expect(code).toBe(1);
    expect(err).toContain("FSL7063");
    expect(err.replace(/\s+/g, " ")).toContain(
      "the classes have 1 to 3 supports, and it needs the same number of each",
    );
    expect(err.replace(/\s+/g, " ")).toContain(why);
    expect(err).toMatch(/fsl:(metrics|meta):\d+:\d+/);
  });
});

describe("images", () => {
  const two = () => supports("two", { a: ["test-0/0.png", "test-0/1.png"], b: ["test-1/0.png", "test-1/1.png"] });

  test("a folder gives all its images, and probabilities sum to one", async () => {
    const { images } = await predict("test", two(), image("test-0"), image("test-0/1.png"));
    expect(images).toHaveLength(12);
    for (const { class: best, probability, probabilities } of images) {
      const all = Object.values(probabilities);
      expect(all.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      expect(probability).toBe(Math.max(...all));
      expect(probabilities[best]).toBe(probability);
    }
  });

  test("more images than one episode holds get the same answers as alone", async () => {
    const folders = ["train-0", "train-1", "train-2", "train-3", "train-4", "train-5"].map((name) =>
      join(project.dir, "images", "train", name),
    );
    const { images } = await predict("test", two(), ...folders);
    expect(images).toHaveLength(72);
    const last = images.at(-1);
    const alone = await predict("test", two(), last?.file ?? "");
    expect(alone.images[0]?.scores.a).toBeCloseTo(last?.scores.a ?? Number.NaN, 4);
  });

  test("one that cannot be read is named, and the others are classified", async () => {
    const bad = join(project.dir, "bad.png");
    writeFileSync(bad, "no image");
    const { code, out, err } = await fslc(
      "predict",
      file,
      "test",
      bad,
      image("test-0/3.png"),
      "--support",
      two(),
      "--csv",
    );
    expect(code).toBe(1);
    expect(err).toContain(`${bad} cannot be read and has no prediction: `);
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe("file,class,probability,a,b");
    expect(lines[1]).toMatch(/3\.png,[ab],[\d.e-]+,[\d.e-]+,[\d.e-]+$/);
    expect(lines[2]).toBe(`${bad},,,,`);
  });

  test("a folder with a link back to itself is named", async () => {
    const folder = join(project.dir, "circle");
    mkdirSync(folder);
    symlinkSync(".", join(folder, "self"));
    const { code, err } = await fslc("predict", file, "test", folder, "--support", two());
    expect(code).toBe(3);
    expect(err).toContain("circle` cannot be read: the link `self` leads back to a folder that contains it");
  });

  test.skipIf(process.platform === "win32")("a pipe is never opened, because it has no end", async () => {
    const pipe = join(project.dir, "pipe.png");
    execFileSync("mkfifo", [pipe]);
    const { code, err } = await fslc("predict", file, "test", pipe, "--support", two());
    expect(code).toBe(1);
    expect(err).toContain(`${pipe} cannot be read and has no prediction: it is no regular file`);
    rmSync(pipe);
  });

  test("names of classes are printed without what a terminal obeys, and quoted in CSV", async () => {
    const folder = supports("hostile", { "a\u001b[31m": ["test-0/0.png"], 'b,"c"': ["test-1/0.png"] });
    const { out } = await fslc("predict", file, "test", image("test-0/3.png"), "--support", folder, "--csv");
    expect(out.split("\n")[0]).toBe('file,class,probability,a·[31m,"b,""c"""');
  });

  test("a support that cannot be read refuses the prediction", async () => {
    const folder = two();
    writeFileSync(join(folder, "a", "broken.png"), "no image");
    const { code, out, err } = await fslc("predict", file, "test", image("test-0/3.png"), "--support", folder);
    expect({ code, out }).toEqual({ code: 3, out: "" });
    expect(err.replace(/\s+/g, " ")).toMatch(/FSL7061.*1 of its 5 images cannot be read; the first is .*broken\.png: /);
  });

  test("the table has the class, its probability and the next ones", async () => {
    const { out } = await fslc("predict", file, "test", image("test-0/3.png"), "--support", two());
    expect(out).toMatch(/^image\s+class\s+probability\s+next$/m);
    expect(out).toMatch(/3\.png\s+[ab]\s+\d+\.\d %\s+[ab] \d+\.\d %$/m);
  });

  test("probabilities are calibrated on validation episodes, and images that fit no class are said to", async () => {
    const strange = join(project.dir, "strange.png");
    const noise = Buffer.from(Array.from({ length: 20 * 20 * 3 }, (_, i) => (i * i * 31) % 256));
    await sharp(noise, { raw: { width: 20, height: 20, channels: 3 } })
      .png()
      .toFile(strange);
    const queries = [image("test-0/3.png"), image("test-1/3.png"), strange];
    const asked = ["predict", file, "test", ...queries, "--support", two(), "--unknown", "0.5"];
    const { out } = await fslc(...asked, "--json");
    const predicted = JSON.parse(out) as Predicted & {
      calibration: { temperature: number; way: number; shot: number };
      unknown_below: number;
      images: { unknown: boolean }[];
    };
    expect(schemaProblem("prediction", predicted)).toBeUndefined();
    const { calibration, unknown_below: below, images } = predicted;
    expect(calibration).toMatchObject({ way: 2, shot: 2 });
    for (const { scores, probabilities, probability, unknown } of images) {
      const odds = ((scores.a ?? 0) - (scores.b ?? 0)) / calibration.temperature;
      expect(probabilities.a).toBeCloseTo(1 / (1 + Math.exp(-odds)), 6);
      expect(unknown).toBe(probability < below);
    }
    const { err } = await fslc("predict", file, "together", ...queries.slice(0, 2), "--support", two());
    expect(err).toContain("are not calibrated: its metric sees all images together");
    const refused = await fslc("predict", file, "together", ...asked.slice(3, 5), ...asked.slice(6));
    expect(refused.code).toBe(3);
    expect(refused.err).toContain("FSL7042");
    expect((await fslc(...asked.slice(0, -1), "1.5")).code).toBe(3);
  });

  test("a transductive method classifies them together, says so, and needs a multiple of the classes", async () => {
    const { code, err } = await fslc("predict", file, "together", image("test-0/3.png"), "--support", two());
    expect(code).toBe(1);
    expect(err.replace(/\s+/g, " ")).toContain("as many of each class, and 1 is no multiple of 2");
    const queries = [image("test-0/3.png"), image("test-1/3.png")];
    const both = await fslc("predict", file, "together", ...queries, "--support", two());
    expect(both.err).toContain("it classifies all images together");
    expect(both.code).toBe(0);
  });
});

describe("refusals", () => {
  const query = (): string => image("test-0/3.png");
  test.each([
    ["no folder", () => join(project.dir, "nowhere"), "there is no such file"],
    ["a file", () => file, "it is no folder"],
    ["a folder of images", () => image("test-0"), "it has no class folder"],
    ["one class", () => supports("one", { a: ["test-0/0.png"] }), "it has one class folder"],
    ["a class without images", () => supports("empty", { a: ["test-0/0.png"], b: [] }), "its folder `b` has no image"],
  ])("as supports: %s", async (_, support, why) => {
    const { code, err } = await fslc("predict", file, "test", query(), "--support", support());
    expect(code).toBe(3);
    expect(err.replace(/\s+/g, " ")).toContain(why);
  });

  test("a stage without a metric, an unknown one, one that has not run, an image that does not exist", async () => {
    const folder = supports("two", { a: ["test-0/0.png"], b: ["test-1/0.png"] });
    const refused = async (...argv: string[]): Promise<string> => {
      const { code, err } = await fslc("predict", file, ...argv, "--support", folder);
      expect(code).toBe(3);
      return err.replace(/\s+/g, " ");
    };
    expect(await refused("base", query())).toContain("it is a `pretrain` stage, which has no metric");
    expect(await refused("tst", query())).toMatch(/FSL7041.*did you mean `test`\?/);
    expect(await refused("test", query(), "--seed", "7")).toContain("`proto` has not run with these settings");
    expect(await refused("test", join(dirname(query()), "none.png"))).toContain("there is no such file");
    expect(await refused("test", query(), "--json", "--csv")).toContain("are both given");
  });

  test("nothing is left in the project", () => {
    expect(readdirSync(project.home).filter((name) => name.includes("predict"))).toEqual([]);
  });
});
