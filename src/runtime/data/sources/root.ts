/** Checks the path that a dataset names before anything is read: what is wrong with the text, and what lies there instead. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { didYouMean } from "../../../common/did-you-mean.js";
import type { DataSource } from "../../../compiler/typed/tree.js";
import { reason } from "../../system/reason.js";
import { isZip } from "../file-tree.js";
import { badArg, layoutError, textArg } from "./source.js";

/** The endings of archives that are not read in place. */
const packed = /\.(tar|tar\.gz|tgz|tar\.bz2|tar\.xz|tar\.zst|7z|rar|gz|bz2|xz)$/i;

/**
 * Checks a path of the user.
 *
 * @throws DiagnosticError FSL6005 if the text can be no path, FSL6002 if neither a folder nor a readable file lies there.
 */
export function requireReadableRoot(
  source: DataSource,
  path: string,
  options: { readonly name?: string; readonly archives?: readonly string[] } = {},
): void {
  const { name = "root", archives = [".zip"] } = options;
  const text = textArg(source, name, "");
  const control = [...text].find((letter) => letter < " " || letter === "\x7f");
  if (control !== undefined) {
    const written = { "\t": "\\t", "\n": "\\n", "\r": "\\r" }[control];
    const from = written === undefined ? "" : `: \`${written}\` in a text is that character`;
    throw badArg(source, name, text, `a control character is in it${from}. Write \`/\` between folders, or \`\\\\\``);
  }
  if (/^(https?|ftp|s3|gs):\/\//i.test(text)) {
    throw badArg(
      source,
      name,
      text,
      "it is an address, and fslc downloads no data sets. Download it and name the folder",
    );
  }
  let info: ReturnType<typeof statSync>;
  try {
    info = statSync(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return; // `missingRootHelp` describes it.
    const loop = (error as { code?: unknown }).code === "ELOOP";
    throw layoutError(source, path, loop ? "its links lead in a circle" : reason(error));
  }
  if (info.isDirectory()) {
    if (isZip(path)) throw layoutError(source, path, "it is a folder whose name ends with .zip. Rename it");
    return;
  }
  if (!info.isFile()) throw layoutError(source, path, "it is a pipe, a socket or a device, not a folder");
  if (archives.some((ending) => path.toLowerCase().endsWith(ending))) return;
  const kind = packed.exec(path)?.[1];
  const what = kind === undefined ? "it is a file, not a folder" : `it is an archive of type .${kind}`;
  throw layoutError(source, path, what, {
    help: [
      kind === undefined
        ? `name the folder of the images, or a .zip archive of it${existsSync(dirname(path)) ? `: ${dirname(path)} is a folder` : ""}`
        : `only .zip archives are read in place: unpack it (\`tar -xf ${basename(path)}\` for tar) and name the folder`,
    ],
  });
}

/** Returns help for a path that does not exist: the text that was probably meant, and the nearest folder that exists. */
export function missingRootHelp(text: string, path: string): string[] {
  const help: string[] = [];
  if (text.startsWith("~")) help.push(`\`~\` is not replaced: write \`${join(homedir(), text.slice(1))}\``);
  if (text.includes("\\")) help.push("write `/` between folders, on every system");
  if (text.startsWith("file:")) help.push("write the path alone, without `file://`");
  if (/%[0-9a-f]{2}/i.test(text)) {
    const plain = decodePercent(text);
    if (plain !== undefined) help.push(`\`%\` codes are not decoded: write \`${plain}\``);
  }
  if (/\$\w|\$\{|%\w+%/.test(text)) help.push("variables of the shell are not replaced: write the whole path");
  let folder = dirname(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const wanted = path.slice(folder === "/" ? 1 : folder.length + 1).split("/")[0] ?? "";
  const names = namesIn(folder);
  const same = names.find((name) => name.toLowerCase() === wanted.toLowerCase()) ?? didYouMean(wanted, names);
  const some = names.slice(0, 6).join(", ");
  const shown =
    names.length === 0 ? "is empty" : `has ${some}${names.length > 6 ? `, and ${names.length - 6} more` : ""}`;
  help.push(same === undefined ? `${folder} ${shown}` : `did you mean \`${same}\`? ${folder} ${shown}`);
  return help;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch {
    return [];
  }
}
function decodePercent(text: string): string | undefined {
  try {
    const plain = decodeURIComponent(text);
    return plain === text ? undefined : plain;
  } catch {
    return undefined;
  }
}
