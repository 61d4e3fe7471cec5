/** Prints a report for people and keeps its raw numbers for whoever doubts it. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { BenchReport, Table } from "./bench.ts";
import type { Machine } from "./machine.ts";

const RESULTS = join(import.meta.dir, "..", "results");

type KeptReport = Pick<BenchReport, "conditions" | "tables" | "aims" | "raw"> & {
  bench: string;
  command: string;
  startedAt: string;
  finishedAt: string;
  machine: Machine;
};

/** The report as text: conditions, tables, aims. */
export function renderReport(name: string, report: BenchReport, machine: Machine): string {
  const lines = [
    "",
    `${name}, ${machine.cpu}, ${machine.cores} cores, ${machine.distribution}, Bun ${machine.bun}, commit ${machine.commit}${machine.modified ? " (modified)" : ""}`,
    ...report.conditions.map((condition) => `  ${condition}`),
  ];
  for (const table of report.tables) lines.push("", table.title, ...renderTable(table));
  if (report.aims.length > 0) {
    lines.push("");
    for (const aim of report.aims) {
      lines.push(`${aim.met ? "met   " : "MISSED"}  ${aim.what}: ${aim.measured} (aim ${aim.aim})`);
    }
  }
  return lines.join("\n");
}

/** Writes `results/<name>.json`; answers its path. */
export async function keepReport(
  name: string,
  report: BenchReport,
  machine: Machine,
  command: string,
  startedAt: Date,
): Promise<string> {
  await mkdir(RESULTS, { recursive: true });
  const path = join(RESULTS, `${name}.json`);
  const { conditions, tables, aims, raw } = report;
  const record: KeptReport = {
    bench: name,
    command,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    machine,
    conditions,
    aims,
    tables,
    raw,
  };
  await Bun.write(path, `${JSON.stringify(record, null, 1)}\n`);
  return path;
}

/** What every kept result says of its aims, as one Markdown table. */
export async function renderKept(): Promise<string> {
  const lines = ["| bench | figure | measured | aim | | commit |", "|---|---|---|---|---|---|"];
  for await (const name of new Bun.Glob("*.json").scan(RESULTS)) {
    const kept = (await Bun.file(join(RESULTS, name)).json()) as KeptReport;
    for (const { what, measured, aim, met } of kept.aims) {
      lines.push(
        `| ${kept.bench} | ${what} | ${measured} | ${aim} | ${met ? "met" : "**missed**"} | ${kept.machine.commit} |`,
      );
    }
  }
  return lines.join("\n");
}

function renderTable({ columns, rows }: Table): string[] {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0))).join("   ")}`;
  return [line(columns), ...rows.map(line)];
}
