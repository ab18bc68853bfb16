/** A real browser for the tests of pages: one start for all tests of a file, and everything that a page complains about. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Debian's Chromium. Tests that need it are skipped, and counted, where it is missing. */
export const chromiumPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));

export function launch(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error("there is no chromium");
  // Tests send an interrupt to this process, which must not end the browser.
  return chromium.launch({ executablePath: chromiumPath, args: ["--no-sandbox"], handleSIGINT: false });
}

export interface WatchedPage {
  readonly page: Page;
  /** The addresses that the page has asked for, and the lines that it wrote to the console as an error or a warning. */
  readonly requests: string[];
  readonly complaints: string[];
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => {
    if (line.type() === "error" || line.type() === "warning") complaints.push(line.text());
  });
  return { page, requests, complaints };
}

const axeFile = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

/** Returns what axe-core finds wrong with a page: the rule, and the first element that breaks it. */
export async function violationsOf(page: Page): Promise<string[]> {
  // The debugger evaluates it, so the policy of the page does not matter.
  await page.evaluate(await readFile(axeFile, "utf8"));
  const { violations } = await page.evaluate<AxeResult>("axe.run()");
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
}

/** Tells whether a page is wider than its window, so that it would have to be moved sideways. */
export function overflows(page: Page): Promise<boolean> {
  return page.evaluate<boolean>("document.documentElement.scrollWidth > innerWidth");
}
