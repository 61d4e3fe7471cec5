/** The documents: their links lead somewhere, their commands exist, and a terminal can show them. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const PAGES = readdirSync(join(ROOT, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const DOCUMENTS = ["README.md", "CHANGELOG.md", "examples/README.md", ...PAGES];
/** Its tables hold the schema's own sentences: see config/documentation.test.ts. */
const WIDE = new Set(["docs/configuration.md"]);
/** Addresses do not count. */
const WIDTH = 160;

const FENCED = /^ *```[^\n]*\n[\s\S]*?^ *```$/gm;
const CODE = /`[^`\n]*`/g;
const INLINE_LINK = /\]\(([^)\s]+)\)/g;
const DEFINITION = /^\[([^\]]+)\]: (\S+)$/gm;
const HEADING = /^#{1,6} (.+)$/gm;
/** "`one` and `other` of [a file](its/path.ts)". */
const NAMES_IN_FILE = /((?:`#?\w+` and )*`#?\w+`) of \[[^\]]+\]\(([^)#]+\.(?:ts|tsx|lua))\)/g;
const ADDRESS = /\b(?:https?|redis):\/\/\S+/g;

const prose = (text: string) => text.replace(FENCED, "");

/** Targets that are files of this repository. */
function links(text: string): string[] {
  const inline = [...prose(text).matchAll(INLINE_LINK)].map(([, target = ""]) => target);
  const defined = [...prose(text).matchAll(DEFINITION)].map(([, , target = ""]) => target);
  return [...inline, ...defined].filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a page, as GitHub makes them. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ""] of prose(text).matchAll(HEADING)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = words.replace(/[^\p{L}\p{N}\s_-]/gu, "").replace(/\s/g, "-");
    let anchor = slug;
    for (let copy = 1; found.has(anchor); copy += 1) anchor = `${slug}-${copy}`;
    found.add(anchor);
  }
  return found;
}

describe.each(DOCUMENTS)("%s", (page) => {
  const text = read(page);

  test("links to files and headings that there are", () => {
    const broken = links(text).filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? join(ROOT, page) : resolve(ROOT, dirname(page), path);
      if (!file.startsWith(ROOT) || !existsSync(file)) return true;
      return anchor !== undefined && !anchors(readFileSync(file, "utf8")).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test("names what is in the files that it leads to", () => {
    const missing = [...prose(text).matchAll(NAMES_IN_FILE)].flatMap(([, names = "", path = ""]) => {
      const source = read(join(dirname(page), path));
      const words = [...names.matchAll(/`(#?\w+)`/g)].map(([, name = ""]) => name);
      return words
        .filter((word) => !new RegExp(`(?<!\\w)${word}\\b`).test(source))
        .map((word) => `${word} in ${path}`);
    });
    expect(missing).toEqual([]);
  });

  test("defines every short link once and uses it", () => {
    const names = [...prose(text).matchAll(DEFINITION)].map(([, name = ""]) => name);
    expect(new Set(names).size).toBe(names.length);
    const body = prose(text).replace(DEFINITION, "").replace(CODE, "");
    expect(names.filter((name) => !body.includes(`[${name}]`))).toEqual([]);
    const used = [...body.matchAll(/(?<![\]!])\[([^\]\n]+)\](?![([:])/g)].map(([, name = ""]) => name);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("names package scripts that there are", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/\bbun run ([a-z][\w:]*)/g)].map(([, name = ""]) => name);
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });
});

test.each(DOCUMENTS.filter((page) => !WIDE.has(page)))(`%s has no line over ${WIDTH} characters`, (page) => {
  const lines = read(page).split("\n");
  expect(lines.filter((line) => line.replace(ADDRESS, "").length > WIDTH)).toEqual([]);
});

test("every page is linked from the README and from the index of the pages", () => {
  const pages = PAGES.filter((page) => page !== "docs/README.md");
  expect(links(read("README.md"))).toEqual(expect.arrayContaining(pages));
  const index = links(read("docs/README.md")).map((target) => `docs/${target}`);
  expect(index).toEqual(expect.arrayContaining(pages));
});
