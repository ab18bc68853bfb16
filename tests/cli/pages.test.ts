/** The pages in a real browser: they ask nobody else, complain of nothing, fit a phone, and axe-core finds no fault. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fslc } from "./command-line.js";
import { chromiumPath, launch, openPage, overflows, violationsOf } from "./page.js";
import { type Color, colored, coloredFolder, type ServedProject, servedProject, startServe } from "./served.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const inBrowser = test.skipIf(chromiumPath === undefined);
let served: ServedProject;
let browser: Browser;
beforeAll(async () => {
  if (chromiumPath === undefined) return;
  [served, browser] = await Promise.all([servedProject(), launch()]);
});
afterAll(async () => {
  if (chromiumPath === undefined) return;
  await browser.close();
  rmSync(served.project.dir, { recursive: true, force: true });
});

const looks = [
  { viewport: { width: 400, height: 800 }, colorScheme: "dark" },
  { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
] as const;

async function file(color: Color, seed: number) {
  return { name: `${color}-${seed}.png`, mimeType: "image/png", buffer: await colored(color, seed) };
}
const names = (page: Page): Promise<string[]> => page.locator(".query h3").allTextContents();

inBrowser("the page of serve names images, learns from a correction, and keeps it over a reload", async () => {
  const server = await startServe(served.file, "test");
  const { page, requests, complaints } = await openPage(browser, looks[1]);
  await page.goto(server.address);
  for (const color of ["red", "green", "blue"] as const) {
    await page.fill("#new-class", color);
    await page.setInputFiles("#new-class-images", [await file(color, 1), await file(color, 2)]);
    await page.getByRole("heading", { name: color, exact: true }).waitFor();
  }
  const images = [await file("red", 3), await file("green", 3), await file("blue", 3), await file("green", 4)];
  await page.setInputFiles("#add-queries", images);
  await page.locator(".ranking").nth(3).waitFor();
  expect(await names(page)).toEqual(["red", "green", "blue", "green"]);
  expect(await violationsOf(page)).toEqual([]);

  // By keyboard alone: the focus goes to the choice of the last image, and its class is another one.
  await page.locator(".query select").nth(3).focus();
  await page.keyboard.type("blue");
  await page.keyboard.press("Enter");
  await page.locator(".query").nth(3).getByRole("heading", { name: "blue" }).waitFor();
  await page.getByRole("status").getByText("is now an example of blue").waitFor();
  await page.reload();
  await page.locator(".ranking").nth(3).waitFor();
  expect(await names(page)).toEqual(["red", "green", "blue", "blue"]);
  await page.locator("#undo").click();
  await page.locator(".query").nth(3).getByRole("heading", { name: "green" }).waitFor();

  await page.setInputFiles("#add-queries", [
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") },
  ]);
  await page.getByRole("status").getByText("`notes.txt` is no image that is read").waitFor();
  expect(complaints.filter((line) => !line.includes("415"))).toEqual([]);
  expect(requests.filter((url) => !url.startsWith(server.origin))).toEqual([]);
  expect(new URL(page.url()).search).toBe("");

  const cookies = await page.context().cookies();
  const phone = await openPage(browser, looks[0]);
  await phone.page.context().addCookies(cookies);
  await phone.page.goto(server.origin);
  await phone.page.locator(".ranking").nth(3).waitFor();
  expect(await overflows(phone.page)).toBe(false);
  expect(await violationsOf(phone.page)).toEqual([]);
  await server.stop();
});

inBrowser("examples of a folder are there when the page opens", async () => {
  const folder = await coloredFolder(join(served.project.dir, "photos"), 2);
  const server = await startServe(served.file, "test", "--support", folder);
  const { page } = await openPage(browser);
  await page.goto(server.address);
  await page.locator(".thumbs li").nth(5).waitFor();
  expect(await page.locator(".card h3").allTextContents()).toEqual(["blue", "green", "red", "New class"]);
  await server.stop();
});

inBrowser("a report opens from the disk", async () => {
  const report = join(served.project.dir, "report.html");
  expect((await fslc("report", "--project", served.project.dir, "-o", report)).code).toBe(0);
  const address = pathToFileURL(report).href;
  for (const look of looks) {
    const { page, requests, complaints } = await openPage(browser, look);
    await page.goto(address);
    expect(requests).toEqual([address]);
    expect(complaints).toEqual([]);
    expect(await overflows(page)).toBe(false);
    expect(await violationsOf(page)).toEqual([]);
  }
});
