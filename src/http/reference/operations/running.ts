/** The routes of operation: probes, health, metrics, the overview and this reference itself. */

import { z } from "zod";
import { healthReport, live, places, ready } from "../answers/running.ts";
import { json, type Operation } from "../operation.ts";
import { inPath } from "../parameters.ts";

export const RUNNING: readonly Operation[] = [
  {
    method: "get",
    path: "/",
    id: "readOverview",
    tag: "Operation",
    summary: "Where things are",
    description: "The console for a browser (`Accept: text/html`), an overview for everything else.",
    access: "open",
    answers: {
      200: {
        description: "Addresses of the API, or the console.",
        content: { "application/json": places, "text/html": "text" },
      },
    },
  },
  {
    method: "get",
    path: "/console/{file}",
    id: "readConsoleFile",
    tag: "Operation",
    summary: "Read a file of the console",
    access: "open",
    parameters: [inPath("file", "Its name, as the console's document has it.")],
    answers: { 200: { description: "The file.", content: { "*/*": "bytes" } } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/openapi.json",
    id: "readReference",
    tag: "Operation",
    summary: "This document",
    access: "open",
    answers: {
      200: json("OpenAPI 3.1.", z.looseObject({ openapi: z.string() }), "etag"),
      304: { description: "The caller has it already.", headers: ["etag"] },
    },
  },
  {
    method: "get",
    path: "/docs",
    id: "openReference",
    tag: "Operation",
    summary: "This document as a page",
    access: "open",
    answers: {
      200: { description: "A page.", content: { "text/html": "text" } },
      308: { description: "It is there without the slash at the end.", headers: ["location"] },
    },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/docs/{file}",
    id: "readReferenceFile",
    tag: "Operation",
    summary: "Read a file of that page",
    access: "open",
    parameters: [inPath("file", "Its name, as the page's document has it.")],
    answers: { 200: { description: "The file.", content: { "*/*": "bytes" } } },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/health/live",
    id: "probeLive",
    tag: "Operation",
    summary: "Whether the process runs",
    access: "open",
    answers: { 200: json("It does.", live) },
  },
  {
    method: "get",
    path: "/health/ready",
    id: "probeReady",
    tag: "Operation",
    summary: "Whether requests may be sent here",
    access: "open",
    answers: { 200: json("They may.", ready) },
    errors: ["overloaded"],
  },
  {
    method: "get",
    path: "/health",
    id: "readHealth",
    tag: "Operation",
    summary: "How the parts of the gateway are",
    access: "operator",
    answers: { 200: json("It works.", healthReport), 503: json("A part of it is down.", healthReport) },
  },
  {
    method: "get",
    path: "/metrics",
    id: "readMetrics",
    tag: "Operation",
    summary: "Read metrics",
    access: "operator",
    answers: { 200: { description: "Prometheus' text format.", content: { "text/plain": "text" } } },
  },
];
