import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Writes a generated part of a Markdown page between its two markers, leaving the rest as it is. Where the page or the
 * markers are missing, they are added at the end.
 */
export async function writeSection(path: string, name: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const page = await readFile(path, "utf8").catch(absentAsEmpty);
  await writeFile(path, replaceSection(page, name, text));
}

/** @throws where only one of the two markers is there */
export function replaceSection(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: begin, written by just bench -->`;
  const end = `<!-- ${name}: end -->`;
  const section = `${begin}\n${text.trimEnd()}\n${end}`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 && to < 0) return page === "" ? `${section}\n` : `${page.trimEnd()}\n\n${section}\n`;
  if (from < 0 || to < from)
    throw new Error(`the markers of ${name} do not come in a pair: put both right, or remove both`);
  return page.slice(0, from) + section + page.slice(to + end.length);
}

function absentAsEmpty(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "";
  throw error;
}
