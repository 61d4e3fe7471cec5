/** Small pictures, drawn by lines in the colour of the text. They say nothing to a screen reader: the words beside them do. */

const PATHS = {
  logo: "M4 7c6 0 6 10 12 10M4 17c6 0 6-10 12-10M16 7h4M16 17h4",
  spark: "M12 3v4M12 17v4M3 12h4M17 12h4M6 6l2.5 2.5M15.5 15.5L18 18M6 18l2.5-2.5M15.5 8.5L18 6",
  list: "M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  coin: "M12 3a9 9 0 100 18 9 9 0 000-18zM14.5 9.5c-.5-1-1.4-1.5-2.5-1.5-1.5 0-2.5.8-2.5 2s1 1.8 2.5 2 2.5.8 2.5 2-1 2-2.5 2c-1.1 0-2-.5-2.5-1.5M12 6.5V8M12 16v1.5",
  bell: "M6 16V11a6 6 0 0112 0v5l2 2H4zM10 21h4",
  keys: "M8 11a4 4 0 100 8 4 4 0 000-8zM11 12l9-9M16 7l3 3",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 12h16",
  voice: "M12 3v10M8 6v4M16 6v4M5 11a7 7 0 0 0 14 0M12 18v3",
  trace: "M3 12h4l3-7 4 14 3-7h4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      aria-hidden="true"
      width="18"
      height="18"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
