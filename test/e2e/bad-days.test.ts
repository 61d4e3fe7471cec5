import { badDaysContract } from "../contract/bad-days.ts";

badDaysContract({ name: "under Bun" });
