import { firstStartContract } from "../contract/first-start.ts";

firstStartContract({ name: "under Bun" });
