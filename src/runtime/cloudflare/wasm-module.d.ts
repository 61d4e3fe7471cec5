/** Compiled WebAssembly is a module here: the platform takes it with the upload, and code may not compile any itself. */
declare module "*.wasm?module" {
  const module: WebAssembly.Module;
  export default module;
}
