/** How the schemas of answers are written: held to the types that the gateway answers with, and found by name. */

import { z } from "zod";

/** One schema for each field of a wire type, the optional ones included: a new field without a line does not compile. */
export type Shape<Wire> = { [Field in keyof Wire]-?: z.ZodType<Wire[Field]> };

/** Every schema of an answer that has a name, under which the document has it once. */
export const answers = z.registry<{ id: string }>();

/** Gives a schema of an answer its name in the document, and a sentence about it. */
export function named<Schema extends z.ZodType>(id: string, description: string, schema: Schema): Schema {
  const told = schema.meta({ description }) as Schema;
  answers.add(told, { id });
  return told;
}

/** A schema with a sentence about what it means where it stands. */
export function about<Schema extends z.ZodType>(description: string, schema: Schema): Schema {
  return schema.meta({ description }) as Schema;
}

/** A moment, ISO 8601 in UTC. */
export const time = (description?: string) => {
  const schema = z.string().meta({ format: "date-time" });
  return description === undefined ? schema : schema.meta({ format: "date-time", description });
};

/** US dollars. */
export const dollarsOf = (description: string) =>
  z.number().meta({ description: `US dollars: ${description}` });

/** A page of a list, newest first. */
export const page = <Item extends z.ZodType>(item: Item) => ({
  data: z.array(item),
  hasMore: z.boolean(),
  after: about("Asks for the next page; null on an empty one.", z.string().nullable()),
});
