/** Runs command lines in this process; nothing of it is a terminal. */
import { Readable, Writable } from "node:stream";
import { main } from "../../src/cli/program.js";

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function sink(): { stream: NodeJS.WriteStream; text: () => string } {
  const parts: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return { stream: stream as NodeJS.WriteStream, text: () => parts.join("") };
}

export async function fslc(...argv: string[]): Promise<Outcome> {
  return await fslcWithInput("", ...argv);
}

/** Runs a command line with a text on standard input. */
export async function fslcWithInput(input: string, ...argv: string[]): Promise<Outcome> {
  const stdin = Readable.from([Buffer.from(input)]) as unknown as NodeJS.ReadStream;
  const out = sink();
  const err = sink();
  const code = await main(argv, { stdout: out.stream, stderr: err.stream, stdin, env: { CI: "1" } });
  return { code, out: out.text(), err: err.text() };
}
