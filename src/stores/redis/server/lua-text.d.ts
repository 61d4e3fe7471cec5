/** Scripts are imported as texts: `import text from "../scripts/tasks/claim.lua" with { type: "text" }`. */
declare module "*.lua" {
  const text: string;
  export default text;
}
