/** What the painter reads out of a prompt: a scene, figures, a time of day and colours. Words it does not know become a hash. */

import type { Color } from "./color.ts";
import type { FigureName } from "./figures.ts";
import { hashText } from "./fixed-point.ts";
import type { PaletteName } from "./palette.ts";

export const SCENE_NAMES = [
  "hills",
  "mountains",
  "sea",
  "forest",
  "city",
  "desert",
  "cosmos",
  "botanical",
  "geometry",
  "waves",
] as const;
export type SceneName = (typeof SCENE_NAMES)[number];

/** What was read. */
export type PromptReading = {
  scene: SceneName | null;
  palette: PaletteName | null;
  tint: Color | null;
  figures: FigureName[];
  stars: boolean;
  aurora: boolean;
  moon: boolean;
  /** A lake or a river is part of the scene. */
  water: boolean;
  /** Stands for the whole prompt, known words and unknown ones. */
  hash: number;
};

/** Only this many figures stand in one picture; the rest of a long list is left to the imagination. */
const MAX_FIGURES = 3;

const SCENE_WORDS: Record<SceneName, string> = {
  hills: "hill meadow field countryside village farm valley pasture grassland spring",
  mountains: "mountain alps peak summit lake glacier fjord cliff snow snowy winter everest fuji climb",
  sea: "sea ocean beach coast shore island harbor harbour bay water sailing ship boat sailboat yacht whale lighthouse horizon fish dolphin surf",
  forest:
    "forest wood woods jungle tree pine trees grove fox deer owl bear woodland rainforest mushroom camping",
  city: "city skyline town street downtown skyscraper building urban robot metropolis tokyo london paris york berlin cyberpunk rooftop car traffic",
  desert: "desert dune sahara canyon cactus camel pyramid egypt sand oasis mars mesa",
  cosmos:
    "space galaxy planet nebula cosmos universe starfield astronaut rocket star alien spaceship orbit cosmic moonscape saturn",
  botanical:
    "flower plant leaf leaves garden botanical rose tulip fern bouquet petal blossom butterfly lily orchid sunflower vase floral",
  geometry:
    "geometric abstract bauhaus pattern shape circle square triangle mosaic tile logo poster modern minimal minimalist mandala deco cubist",
  waves:
    "wave music sound jazz dream flow river wind silk smooth meditation calm marble liquid ribbon rainbow",
};

const PALETTE_WORDS: Record<PaletteName, string> = {
  dawn: "dawn morning sunrise pastel early soft",
  day: "day noon sunny summer bright spring clear midday",
  sunset: "sunset evening golden warm fire volcano lava sundown glow",
  dusk: "dusk twilight gloaming dreamy mystic mystical magic magical",
  night:
    "night midnight dark star starry moon moonlight moonlit space galaxy aurora nocturnal cosmos universe",
  forest: "forest jungle moss woodland rainforest mossy",
  autumn: "autumn fall october harvest fox pumpkin maple vintage",
  winter: "winter snow snowy ice icy frost frozen cold penguin arctic christmas glacier",
  desert: "desert dune sand mars egypt sahara mesa canyon",
  storm: "storm stormy rain rainy fog foggy grey gray cloudy thunder gloomy moody noir",
  rose: "rose love romantic valentine blossom cherry sakura wedding candy",
  neon: "neon cyberpunk synthwave vaporwave retro disco futuristic robot laser arcade",
};

const FIGURE_WORDS: Record<FigureName, string> = {
  fox: "fox vixen",
  cat: "cat kitten kitty",
  dog: "dog puppy corgi husky",
  rabbit: "rabbit bunny hare",
  owl: "owl",
  deer: "deer stag reindeer elk moose",
  bear: "bear grizzly panda",
  penguin: "penguin",
  bird: "bird robin sparrow parrot crow raven",
  whale: "whale orca",
  fish: "fish goldfish salmon koi",
  butterfly: "butterfly moth",
  sailboat: "sailboat boat ship yacht sailing sail",
  lighthouse: "lighthouse",
  cabin: "cabin house cottage hut home farm barn village",
  castle: "castle palace fortress knight kingdom",
  tent: "tent camping camp",
  balloon: "balloon hotair",
  cactus: "cactus",
  mushroom: "mushroom toadstool",
  robot: "robot android cyborg",
  rocket: "rocket spaceship spacecraft",
  astronaut: "astronaut cosmonaut spaceman",
  heart: "heart love valentine",
};

const TINTS: Record<string, Color> = {
  red: 0xd83a3a,
  crimson: 0xb8203c,
  scarlet: 0xe23a2a,
  orange: 0xf0862c,
  yellow: 0xf4c93c,
  gold: 0xe6b03c,
  green: 0x3f9c58,
  emerald: 0x1f9c72,
  teal: 0x2a9c9c,
  turquoise: 0x3cc4bc,
  cyan: 0x35b9d6,
  blue: 0x2f6fd0,
  azure: 0x3f8fe6,
  indigo: 0x4a3fb0,
  purple: 0x8a3fc0,
  violet: 0x9a5fe0,
  lavender: 0xb79fe0,
  pink: 0xf07fae,
  magenta: 0xd83aa0,
  brown: 0x8c5a3a,
  white: 0xf2f2ee,
  black: 0x1c1c22,
  silver: 0xb4bcc6,
};

/** Times and weathers: they stand above what another word only brings to mind, as "fox" does autumn. */
const TIMES: ReadonlySet<PaletteName> = new Set(["dawn", "day", "sunset", "dusk", "night", "storm", "neon"]);

const WATERS: ReadonlySet<string> = new Set([
  "lake",
  "river",
  "fjord",
  "reflection",
  "pond",
  "bridge",
  "harbor",
  "harbour",
]);

const SCENES = index(SCENE_WORDS);
const PALETTES = index(PALETTE_WORDS);
const FIGURES = index(FIGURE_WORDS);

/** Reads a prompt. The first word that says something about a matter decides it, except that times outrank moods. */
export function readPrompt(prompt: string): PromptReading {
  const reading: PromptReading = {
    scene: null,
    palette: null,
    tint: null,
    figures: [],
    stars: false,
    aurora: false,
    moon: false,
    water: false,
    hash: hashText(prompt),
  };
  for (const word of words(prompt)) {
    reading.scene ??= SCENES.get(word) ?? null;
    const palette = PALETTES.get(word);
    if (palette !== undefined && outranks(palette, reading.palette)) reading.palette = palette;
    reading.tint ??= Object.hasOwn(TINTS, word) ? TINTS[word]! : null;
    const figure = FIGURES.get(word);
    if (figure !== undefined && !reading.figures.includes(figure) && reading.figures.length < MAX_FIGURES)
      reading.figures.push(figure);
    reading.stars ||= word === "star" || word === "starry";
    reading.aurora ||= word === "aurora" || word === "northern";
    reading.moon ||= word.startsWith("moon");
    reading.water ||= WATERS.has(word);
  }
  return reading;
}

function outranks(palette: PaletteName, known: PaletteName | null): boolean {
  return known === null || (TIMES.has(palette) && !TIMES.has(known));
}

/** The prompt's ASCII words, lower case, each followed by what it may be the plural of. */
function words(prompt: string): string[] {
  const found =
    prompt.replace(/[A-Z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 32)).match(/[a-z]+/g) ??
    [];
  return found.flatMap((word) =>
    [word, word.replace(/es$/, ""), word.replace(/s$/, "")].filter(
      (form, at, all) => all.indexOf(form) === at,
    ),
  );
}

function index<T extends string>(table: Record<T, string>): Map<string, T> {
  const map = new Map<string, T>();
  for (const name of Object.keys(table) as T[]) {
    for (const word of table[name].split(" ")) if (!map.has(word)) map.set(word, name);
  }
  return map;
}
