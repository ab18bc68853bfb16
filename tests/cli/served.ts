/** A server of `fslc serve` in this process, over a tiny experiment that needs no training. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import sharp from "sharp";
import { main } from "../../src/cli/program.js";
import type { Project } from "../../src/runtime/system/project.js";
import { makeProject } from "../runtime/tiny.js";
import { fslc } from "./command-line.js";

const text = `fsl 1
import { folder } from "fsl:datasets"
import { bd_cspn } from "fsl:transductive"
import { matching, prototypes } from "fsl:metrics"

dataset stripes = folder(root: "images") {
  train  resize(20), center_crop(16), normalize
  eval   resize(20), center_crop(16), normalize
}
backbone raw { flatten as vector }
episode task = 2 way, 2 shot, 3 query
evaluate test { encoder raw  metric prototypes  episodes task from stripes.test, 2 episodes  report accuracy, logits_json }
evaluate attention like test { metric matching }
evaluate together like test { metric bd_cspn }
`;

export interface ServedProject {
  readonly project: Project;
  readonly file: string;
}

/** Makes a project whose experiment has run. */
export async function servedProject(): Promise<ServedProject> {
  const project = await makeProject();
  const file = join(project.dir, "stripes.fsl");
  writeFileSync(file, text);
  const { code, err } = await fslc("run", file);
  if (code !== 0) throw new Error(err);
  return { project, file };
}

export interface Server {
  /** The address with the token, and without it. */
  readonly address: string;
  readonly origin: string;
  readonly token: string;
  /** Asks with the token. The path begins with a slash. */
  ask(method: string, path: string, body?: FormData | object, headers?: Record<string, string>): Promise<Response>;
  /** Ends the server as Ctrl-C does, and returns the exit code and what it wrote to stderr. */
  stop(): Promise<{ code: number; err: string }>;
}

/** Starts `fslc serve` and waits until it listens. */
export async function startServe(...argv: string[]): Promise<Server> {
  let tell: (address: string) => void = () => {};
  const listening = new Promise<string>((resolve) => {
    tell = resolve;
  });
  let err = "";
  const stream = (onText: (text: string) => void): NodeJS.WriteStream =>
    new Writable({
      write(chunk, _, done) {
        onText(String(chunk));
        done();
      },
    }) as NodeJS.WriteStream;
  const stdin = Readable.from([]) as unknown as NodeJS.ReadStream;
  const stderr = stream((text) => {
    err += text;
  });
  const ended = main(["serve", ...argv], {
    stdout: stream((text) => tell(text.trim())),
    stderr,
    stdin,
    env: { CI: "1" },
  });
  const address = await Promise.race([listening, ended.then((code) => Promise.reject(new Error(`${code}: ${err}`)))]);
  const { origin, searchParams } = new URL(address);
  const token = searchParams.get("token") ?? "";
  return {
    address,
    origin,
    token,
    ask: (method, path, body, headers = {}) =>
      fetch(`${origin}${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(body === undefined || body instanceof FormData ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      }),
    stop: async () => {
      process.emit("SIGINT");
      return { code: await ended, err };
    },
  };
}

/** Returns a form with images. */
export function formOf(...images: readonly (readonly [name: string, bytes: Uint8Array])[]): FormData {
  const form = new FormData();
  for (const [name, bytes] of images) form.append("images", new Blob([new Uint8Array(bytes)]), name);
  return form;
}

const colors = { red: [200, 30, 30], green: [30, 180, 40], blue: [30, 40, 200] } as const;
export type Color = keyof typeof colors;

/** Returns a PNG of one color with some noise, so that no two of them are the same image. */
export async function colored(color: Color, seed: number): Promise<Buffer> {
  const pixels = Buffer.alloc(24 * 24 * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (colors[color][i % 3] ?? 0) + ((i * 7 + seed * 13) % 25);
  pixels[0] = seed % 256;
  return await sharp(pixels, { raw: { width: 24, height: 24, channels: 3 } })
    .png()
    .toBuffer();
}

/** Writes images into folders of classes and returns the folder. */
export async function coloredFolder(dir: string, perClass: number): Promise<string> {
  for (const color of Object.keys(colors) as Color[]) {
    mkdirSync(join(dir, color), { recursive: true });
    for (let i = 0; i < perClass; i++) writeFileSync(join(dir, color, `${i}.png`), await colored(color, i));
  }
  return dir;
}
