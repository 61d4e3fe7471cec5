/** The routes for administrators: keys, customers, usage and the audit log. */

import { z } from "zod";
import { AUDIT_ACTIONS } from "../../../accounts/audit-store.ts";
import { ADMIN_USAGE_GROUPS, USAGE_GROUPS } from "../../../protocol/usage.ts";
import {
  auditPage,
  customer,
  deletedKey,
  deletedKeyPage,
  keyDeleted,
  keyPage,
  newKey,
  virtualKey,
} from "../answers/keys.ts";
import { task, taskPage, tasksCancelled } from "../answers/tasks.ts";
import { ledgerPage } from "../answers/usage.ts";
import { webhookSecret } from "../answers/webhooks.ts";
import { json, type Operation } from "../operation.ts";
import { AFTER, header, IF_MATCH, inPath, LIMIT, LISTED_TASKS, query } from "../parameters.ts";
import { CUSTOMER_QUERY, USAGE, usageParameters } from "./keys.ts";

const KEY_ID = inPath("id", "The key's id.");
const CUSTOMER_ID = inPath("customer", "The end user, as requests name it.");
const DELETED = query("deleted", "`true`: what is left of deleted keys.", {
  type: "boolean",
  default: false,
});
const ONCE = header(
  "Idempotency-Key",
  "The same request with the same key within 24 hours gets the same answer again.",
  { type: "string", minLength: 1, maxLength: 255 },
);
const PLAIN = "The key, with its plain form: shown this once.";

const keys: readonly Operation[] = [
  {
    method: "post",
    path: "/admin/v1/keys",
    id: "createKey",
    tag: "Administration",
    summary: "Make a virtual key",
    access: "admin",
    parameters: [ONCE],
    body: { form: "json", schema: "CreateKey" },
    answers: { 200: json(PLAIN, newKey, "etag", "idempotent-replayed") },
    errors: ["missing_parameter", "idempotency_key_reused"],
  },
  {
    method: "get",
    path: "/admin/v1/keys",
    id: "listKeys",
    tag: "Administration",
    summary: "List virtual keys",
    access: "admin",
    parameters: [
      query("name", "Only those with this in their name.", { type: "string", maxLength: 100 }),
      query("enabled", "Only those that are on, or off.", { type: "boolean" }),
      DELETED,
      LIMIT,
      AFTER,
    ],
    answers: { 200: json("A page of keys.", z.union([keyPage, deletedKeyPage])) },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/admin/v1/keys/{id}",
    id: "readKey",
    tag: "Administration",
    summary: "Read a virtual key",
    access: "admin",
    parameters: [KEY_ID, DELETED],
    answers: { 200: json("The key; its version is the `ETag`.", z.union([virtualKey, deletedKey]), "etag") },
    errors: ["invalid_parameter", "not_found"],
  },
  {
    method: "patch",
    path: "/admin/v1/keys/{id}",
    id: "changeKey",
    tag: "Administration",
    summary: "Change a virtual key",
    description: "What is left out stays; `null` lifts a limit.",
    access: "admin",
    parameters: [KEY_ID, IF_MATCH],
    body: { form: "json", schema: "ChangeKey" },
    answers: { 200: json("The key as it is now.", virtualKey, "etag") },
    errors: ["missing_parameter", "not_found", "precondition_failed"],
  },
  {
    method: "delete",
    path: "/admin/v1/keys/{id}",
    id: "deleteKey",
    tag: "Administration",
    summary: "Delete a virtual key",
    access: "admin",
    parameters: [KEY_ID, IF_MATCH],
    answers: { 200: json("It is refused from now on.", keyDeleted) },
    errors: ["invalid_parameter", "not_found", "precondition_failed"],
  },
  {
    method: "post",
    path: "/admin/v1/keys/{id}/rotate",
    id: "rotateKey",
    tag: "Administration",
    summary: "Give a virtual key a new plain form",
    access: "admin",
    parameters: [KEY_ID, ONCE, IF_MATCH],
    body: { form: "json", schema: "RotateKey", optional: true },
    answers: { 200: json(PLAIN, newKey, "etag", "idempotent-replayed") },
    errors: ["not_found", "precondition_failed", "idempotency_key_reused"],
  },
  {
    method: "post",
    path: "/admin/v1/keys/{id}/webhook-secret/rotate",
    id: "rotateKeyWebhookSecret",
    tag: "Administration",
    summary: "Make a new secret for a key's webhooks",
    access: "admin",
    parameters: [KEY_ID],
    body: { form: "json", schema: "RotateSecret", optional: true },
    answers: { 200: json("The new secret.", webhookSecret) },
    errors: ["not_found"],
  },
  {
    method: "post",
    path: "/admin/v1/keys/{id}/cancel",
    id: "cancelTasksOfKey",
    tag: "Administration",
    summary: "End all that a key has unfinished",
    access: "admin",
    parameters: [KEY_ID],
    answers: { 200: json("What was ended.", tasksCancelled) },
    errors: ["not_found"],
  },
  {
    method: "get",
    path: "/admin/v1/keys/{id}/tasks",
    id: "listTasksOfKey",
    tag: "Administration",
    summary: "List the tasks of a key",
    description: "Also of one that was deleted, as long as they are kept.",
    access: "admin",
    parameters: [KEY_ID, ...LISTED_TASKS],
    answers: { 200: json("A page of tasks.", taskPage) },
    errors: ["invalid_parameter", "not_found"],
  },
  {
    method: "get",
    path: "/admin/v1/keys/{id}/tasks/{task}",
    id: "readTaskOfKey",
    tag: "Administration",
    summary: "Read a task of a key",
    description: "Its `attempts` say which account of a provider was used; what was asked for is not told.",
    access: "admin",
    parameters: [KEY_ID, inPath("task", "The task's id, in any letter case.")],
    answers: { 200: json("The task.", task) },
    errors: ["not_found", "task_not_found"],
  },
];

const customers: readonly Operation[] = (
  [
    ["get", "readCustomer", "Read the budget of a key's customer"],
    ["put", "setCustomer", "Set the budget of a key's customer"],
    ["delete", "resetCustomer", "Give a key's customer the default budget again"],
  ] as const
).map(([method, id, summary]) => ({
  method,
  path: "/admin/v1/keys/{id}/customers/{customer}",
  id,
  tag: "Administration",
  summary,
  access: "admin",
  parameters: [KEY_ID, CUSTOMER_ID],
  ...(method === "put" && { body: { form: "json" as const, schema: "SetCustomer" as const } }),
  answers: { 200: json("The customer as it is now.", customer) },
  errors: [...(method === "put" ? (["missing_parameter"] as const) : []), "not_found"],
}));

export const ADMINISTRATION: readonly Operation[] = [
  ...keys,
  ...customers,
  {
    method: "get",
    path: "/admin/v1/usage",
    id: "readAllUsage",
    tag: "Administration",
    summary: "Read what all keys used",
    access: "admin",
    parameters: usageParameters(ADMIN_USAGE_GROUPS),
    answers: { 200: USAGE },
    errors: ["invalid_parameter"],
  },
  {
    method: "get",
    path: "/admin/v1/keys/{id}/usage",
    id: "readUsageOfKey",
    tag: "Administration",
    summary: "Read what a key used",
    description: "Also of one that was deleted, as long as it is kept.",
    access: "admin",
    parameters: [KEY_ID, ...usageParameters(USAGE_GROUPS), CUSTOMER_QUERY],
    answers: { 200: USAGE },
    errors: ["invalid_parameter", "not_found"],
  },
  {
    method: "get",
    path: "/admin/v1/keys/{id}/ledger",
    id: "readLedgerOfKey",
    tag: "Administration",
    summary: "Read each charge of a key",
    access: "admin",
    parameters: [KEY_ID, LIMIT, AFTER],
    answers: { 200: json("A page of entries.", ledgerPage) },
    errors: ["invalid_parameter", "not_found"],
  },
  {
    method: "get",
    path: "/admin/v1/audit",
    id: "listAudit",
    tag: "Administration",
    summary: "List what administrators changed",
    access: "admin",
    parameters: [
      query("target", "Only changes of this key or delivery."),
      query("action", "Only such changes.", { type: "string", enum: [...AUDIT_ACTIONS] }),
      LIMIT,
      AFTER,
    ],
    answers: { 200: json("A page of changes.", auditPage) },
    errors: ["invalid_parameter"],
  },
];
