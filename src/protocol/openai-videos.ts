/** OpenAI's shape of a film in the making, as `/v1/videos` answers it. */

export type OpenAiVideoStatus = "queued" | "in_progress" | "completed" | "failed";

export type OpenAiVideo = {
  id: string;
  object: "video";
  model: string;
  status: OpenAiVideoStatus;
  /** Percent. */
  progress: number;
  /** Times are seconds since the epoch. */
  created_at: number;
  completed_at: number | null;
  /** When the file is removed; null while there is none. */
  expires_at: number | null;
  prompt: string;
  /** Such as `1280x720`. */
  size: string;
  /** A number as text. */
  seconds: string;
  remixed_from_video_id: null;
  error: { code: string; message: string } | null;
};

export type OpenAiVideoList = {
  object: "list";
  data: OpenAiVideo[];
  first_id: string | null;
  last_id: string | null;
  has_more: boolean;
};

export type OpenAiVideoDeleted = { id: string; object: "video.deleted"; deleted: true };
