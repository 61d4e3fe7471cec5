/** The names under which hubs are served: `/hubs/<name>`. */
export const HUB_NAMES = ["image-generation", "video-generation", "tasks"] as const;
export type HubName = (typeof HUB_NAMES)[number];
