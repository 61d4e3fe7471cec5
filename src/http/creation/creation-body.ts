/** A create request's body, JSON or multipart, with the pictures that came with it. */

import type { z } from "zod";
import type { GivenInput } from "../../inputs/given-input.ts";
import { invalidInput } from "../../inputs/input-error.ts";
import type { InputStore } from "../../inputs/input-store.ts";
import type { TaskService } from "../../tasks/service.ts";
import type { HttpContext } from "../exchange.ts";
import { type BaseUrlOptions, ownMediaBases } from "../request/base-url.ts";
import { isMultipart, readJson, validFields } from "../request/body.ts";
import { readMultipart } from "../request/multipart.ts";
import { fieldOf, fieldsOfForm } from "./form-fields.ts";
import { givenInputs, type InputFields, MAX_INPUTS } from "./input-fields.ts";

export type CreationBodyDependencies = {
  tasks: Pick<TaskService, "newId">;
  inputs: Pick<InputStore, "upload" | "discard">;
  urls: BaseUrlOptions;
  limits: { jsonBodyBytes: number; multipartBodyBytes: number };
};

export type ReadCreation<Creation> = {
  creation: Creation;
  inputs: GivenInput[];
  /** The task's id, under which uploads are stored; null where there are none. */
  id: string | null;
  /** What repeats of the request are compared by. */
  fingerprint: unknown;
};

/** What a route's callers say in other words than ours. */
export type BodyDialect = {
  /** Another name under which a file is taken as an image. */
  readonly imageName?: string;
  /** The body in our words, before it is validated. */
  readonly translate?: (body: unknown) => unknown;
};

const same = (body: unknown): unknown => body;

/** What a route asks of a body beyond its schema. Throws what is wrong. */
export type CreationCheck<Creation> = (creation: Creation, inputs: readonly GivenInput[]) => void;

/**
 * Reads and validates a body. Uploads are stored while they come; they are removed again when the body turns out wrong.
 * Rejects with the error to answer, naming the field.
 */
export async function readCreation<Creation extends InputFields>(
  c: HttpContext,
  schema: z.ZodType<Creation>,
  check: CreationCheck<Creation>,
  dependencies: CreationBodyDependencies,
  dialect: BodyDialect = {},
): Promise<ReadCreation<Creation>> {
  const request = c.req.raw;
  const bases = () => ownMediaBases(request, dependencies.urls);
  if (isMultipart(request.headers.get("content-type") ?? ""))
    return readForm(request, schema, check, bases, dependencies, dialect);
  const { translate = same } = dialect;
  const creation = validFields(schema, translate(await readJson(request, dependencies.limits.jsonBodyBytes)));
  const inputs = inputsNamed(creation, bases);
  check(creation, inputs);
  return { creation, inputs, id: null, fingerprint: creation };
}

async function readForm<Creation extends InputFields>(
  request: Request,
  schema: z.ZodType<Creation>,
  check: CreationCheck<Creation>,
  bases: () => string[],
  { tasks, inputs, limits }: CreationBodyDependencies,
  { imageName, translate = same }: BodyDialect,
): Promise<ReadCreation<Creation>> {
  const id = tasks.newId();
  const uploads: (GivenInput & { print: string })[] = [];
  const bounds = {
    maxBytes: limits.multipartBodyBytes,
    maxTextBytes: limits.jsonBodyBytes,
    maxFiles: MAX_INPUTS,
  };
  try {
    const texts = await readMultipart(request, bounds, async (name, file) => {
      const role = name === imageName ? "image" : roleOf(name);
      if (role === null) {
        const param = name.slice(0, 100);
        await file.cancel();
        throw invalidInput(param, `${JSON.stringify(param)} is a file; files are taken as image and mask.`);
      }
      const before = uploads.filter((upload) => upload.role === role).length;
      const param = before === 0 ? fieldOf(name) : `${fieldOf(name)}.${before}`;
      const { media, print } = await inputs.upload(id, param, file);
      uploads.push({ role, param, source: { kind: "stored", media }, print });
    });
    const creation = validFields(schema, translate(fieldsOfForm(texts)));
    const given = inOrder([...uploads, ...inputsNamed(creation, bases)]);
    check(creation, given);
    const fingerprint = { ...creation, uploads: uploads.map(({ role, print }) => ({ role, print })) };
    return { creation, inputs: given, id: uploads.length === 0 ? null : id, fingerprint };
  } catch (error) {
    await inputs.discard(id);
    throw error;
  }
}

/** Asks for our own addresses only where there is something to compare with them. */
function inputsNamed(fields: InputFields, bases: () => string[]): GivenInput[] {
  const { image, images, mask } = fields;
  return image === undefined && images === undefined && mask === undefined
    ? []
    : givenInputs(fields, bases());
}

/** Pictures before masks, each in the caller's order. */
function inOrder(inputs: readonly GivenInput[]): GivenInput[] {
  return [...inputs.filter(({ role }) => role === "image"), ...inputs.filter(({ role }) => role === "mask")];
}

function roleOf(name: string): GivenInput["role"] | null {
  const field = fieldOf(name);
  if (field === "image" || field === "images") return "image";
  return field === "mask" ? "mask" : null;
}
