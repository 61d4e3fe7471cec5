/** The package's entry `testing`. */

export { MockConduitClient, type MockOptions } from "./mock-client.ts";
export { MockRealtimeSocket, type MockRealtimeSocketOptions } from "./mock-realtime-socket.ts";
export type { Timeline, TimelineStep } from "./mock-tasks.ts";
export { MockRealtimeVoice, type MockVoiceOptions } from "./mock-voice.ts";
export type { MockAnswer } from "./mock-voice-session.ts";
