/** The entry `ai`: films of the gateway as video models of Vercel's AI SDK. Its pictures are made by the SDK's stock OpenAI providers. */

export { type ConduitModels, type ConduitModelsSettings, createConduit } from "./provider.ts";
