/** Pictures and films of a task, large ones and small ones. */

import { useState } from "react";
import type { WireResult } from "../../protocol/task.ts";
import { mediaAddress, thumbnailAddress } from "../data/media-address.ts";
import { Icon } from "../design/icon.tsx";
import { Notice } from "../design/notice.tsx";
import { useSession } from "../shell/session.ts";

export function Results({ result, prompt }: { result: WireResult; prompt: string }) {
  const { baseUrl } = useSession();
  return (
    <div className="results">
      {result.images?.map(({ url, metadata }) => (
        <a key={url} href={mediaAddress(url, baseUrl)} target="_blank" rel="noreferrer">
          <img src={mediaAddress(url, baseUrl)} alt={`Result ${metadata.index + 1}: ${prompt}`} />
        </a>
      ))}
      {result.videos?.map(({ url, metadata, width, height }) => (
        <video
          key={url}
          src={mediaAddress(url, baseUrl)}
          width={width}
          height={height}
          aria-label={`Result ${metadata.index + 1}: ${prompt}`}
          controls
          autoPlay
          loop
          muted
          playsInline
        />
      ))}
      {result.errors?.map(({ index, message }) => (
        <Notice key={index} tone="warn">
          {`Result ${index + 1} did not come: ${message}`}
        </Notice>
      ))}
    </div>
  );
}

/** The first picture or film, small. */
export function Thumb({ result, type }: { result: WireResult | undefined; type: "image" | "video" }) {
  const { baseUrl } = useSession();
  const [small, setSmall] = useState(true);
  const picture = result?.images?.[0]?.url;
  const film = result?.videos?.[0]?.url;
  return (
    <span className="thumb">
      {picture !== undefined ? (
        // Not every host makes small copies.
        <img
          src={small ? thumbnailAddress(picture, baseUrl) : mediaAddress(picture, baseUrl)}
          alt=""
          loading="lazy"
          onError={() => setSmall(false)}
        />
      ) : film !== undefined ? (
        <video
          src={`${mediaAddress(film, baseUrl)}#t=0.1`}
          preload="metadata"
          muted
          playsInline
          tabIndex={-1}
          aria-hidden="true"
        />
      ) : (
        <Icon name={type === "image" ? "picture" : "film"} />
      )}
    </span>
  );
}
